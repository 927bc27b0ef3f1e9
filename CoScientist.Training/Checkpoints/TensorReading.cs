namespace CoScientist.Training.Checkpoints;

/// <summary>Fills memory from open files on all processors: a first touch of the memory costs more than the conversion.</summary>
internal static class TensorReading
{
    private const int PartValues = 1 << 20;

    /// <summary>Reads whole tensors into memory of their size.</summary>
    public static void Fill(IReadOnlyList<(StoredTensor Tensor, Memory<float> Values)> tensors, CancellationToken cancellationToken)
    {
        var parts = new List<(StoredTensor Tensor, Memory<float> Values, long FirstRow)>();
        foreach (var (tensor, values) in tensors)
        {
            var length = Math.Max(1, tensor.RowLength);
            var rows = Math.Max(1, PartValues / length);
            for (var row = 0L; row < tensor.Rows; row += rows)
            {
                var at = (int)(row * length);
                parts.Add((tensor, values.Slice(at, (int)Math.Min((long)rows * length, values.Length - at)), row));
            }
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        try
        {
            Parallel.ForEach(parts, options, part => part.Tensor.Read(part.FirstRow, part.Values.Span));
        }
        catch (AggregateException exception) when (exception.InnerException is InvalidDataException inner)
        {
            throw new InvalidDataException(inner.Message, exception);
        }
    }
}
