namespace CoScientist.Training.Model;

/// <summary>Reads whole rows of a tensor as floats.</summary>
internal delegate void ReadRows(long firstRow, Span<float> values);

/// <summary>A tensor that lies outside the model, such as in a mapped file.</summary>
/// <param name="Read">Reads its rows.</param>
/// <param name="Bfloat16">Its rows one after the other in bfloat16, valid as long as the source; 0 when it is kept otherwise.</param>
internal readonly record struct WeightSource(ReadRows Read, nint Bfloat16);
