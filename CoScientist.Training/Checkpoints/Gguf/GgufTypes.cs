namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>Element types of GGUF files by their number (enum ggml_type), with the size of their blocks.</summary>
internal static class GgufTypes
{
    private static readonly Dictionary<uint, (string Name, int Values, int Bytes)> Known = new()
    {
        [0] = ("F32", 1, 4), [1] = ("F16", 1, 2), [2] = ("Q4_0", 32, 18), [3] = ("Q4_1", 32, 20), [6] = ("Q5_0", 32, 22), [7] = ("Q5_1", 32, 24),
        [8] = ("Q8_0", 32, 34), [9] = ("Q8_1", 32, 36), [10] = ("Q2_K", 256, 84), [11] = ("Q3_K", 256, 110), [12] = ("Q4_K", 256, 144),
        [13] = ("Q5_K", 256, 176), [14] = ("Q6_K", 256, 210), [24] = ("I8", 1, 1), [25] = ("I16", 1, 2), [26] = ("I32", 1, 4),
        [27] = ("I64", 1, 8), [28] = ("F64", 1, 8), [30] = ("BF16", 1, 2),
    };

    /// <summary>Name, values in a block and bytes of a block; null for a type we do not know.</summary>
    public static (string Name, int Values, int Bytes)? Find(uint number) => Known.TryGetValue(number, out var type) ? type : null;

    /// <summary>The number of a type that is written.</summary>
    public static uint Number(TensorType type) => Known.First(known => known.Value.Name == type.ToString()).Key;

    /// <summary>The file type of a model whose matrices have the given type (general.file_type).</summary>
    public static uint FileType(TensorType type) => type switch
    {
        TensorType.F32 => 0,
        TensorType.F16 => 1,
        TensorType.Q8_0 => 7,
        TensorType.BF16 => 32,
        _ => throw new ArgumentException($"A GGUF file is written as F32, F16, BF16 or Q8_0, not as {type}.", nameof(type)),
    };
}
