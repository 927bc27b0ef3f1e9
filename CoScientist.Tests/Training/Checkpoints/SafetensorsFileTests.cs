using System.Buffers.Binary;
using System.Text;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_after_write_gives_F32_back_to_the_bit()
    {
        float[] special = [0f, -0f, 1f, float.Epsilon, -float.MaxValue, float.PositiveInfinity, BitConverter.UInt32BitsToSingle(0x7FC12345), 1 / 3f];
        var long1 = Enumerable.Range(0, 200_003).Select(i => MathF.Sin(i)).ToArray();
        var path = folder.File("w.safetensors");
        SafetensorsFile.Write(path, [new("a", [2, 4], special), new("b", [200_003], long1), new("scalar", [], new[] { 7f }), new("none", [0, 3], Memory<float>.Empty)]);

        var (a, b, scalar) = (new float[8], new float[200_003], new float[1]);
        SafetensorsFile.Read(path, [new("b", [200_003], b), new("a", [2, 4], a), new("scalar", [], scalar), new("none", [0, 3], Memory<float>.Empty)]);

        Assert.Equal(special.Select(BitConverter.SingleToUInt32Bits), a.Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal(long1, b);
        Assert.Equal([7f], scalar);
    }

    [Theory]
    [InlineData(0x3F800000u, 0x3F80)] // 1 is exact
    [InlineData(0x3F807FFFu, 0x3F80)] // just below half: down
    [InlineData(0x3F808000u, 0x3F80)] // a tie: to even, down
    [InlineData(0x3F818000u, 0x3F82)] // a tie: to even, up
    [InlineData(0x3F808001u, 0x3F81)] // just above half: up
    [InlineData(0x3FFF8000u, 0x4000)] // carries into the exponent
    [InlineData(0x7F7FFFFFu, 0x7F80)] // the largest float rounds to infinity
    [InlineData(0xFF800000u, 0xFF80)] // −∞ stays
    [InlineData(0x7F800001u, 0x7FC0)] // a NaN with a low payload stays a NaN
    [InlineData(0x80000000u, 0x8000)] // −0 stays
    [InlineData(0x00008000u, 0x0000)] // subnormal tie to even
    public void Write_BF16_rounds_to_nearest_even(uint value, int expected)
    {
        var bytes = Written(TensorType.BF16, BitConverter.UInt32BitsToSingle(value));

        Assert.Equal(expected, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan()[^2..]));
    }

    [Theory]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F16)]
    public void Read_after_write_every_16_bit_value_comes_back(TensorType type)
    {
        var values = new float[65_536];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = type == TensorType.BF16 ? BitConverter.UInt32BitsToSingle((uint)i << 16) : (float)BitConverter.UInt16BitsToHalf((ushort)i);
        }

        var path = folder.File("w.safetensors");
        SafetensorsFile.Write(path, [new("x", [256, 256], values)], type);
        var read = new float[values.Length];
        SafetensorsFile.Read(path, [new("x", [256, 256], read)]);

        Assert.Equal(values, read);
        Assert.True(new FileInfo(path).Length < 2 * 65_536 + 200);
    }

    [Fact]
    public void Open_header_starts_data_at_a_multiple_of_eight_and_names_the_framework()
    {
        var bytes = Written(TensorType.F32, 1f);

        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes) % 8);
        Assert.Contains("\"__metadata__\":{\"format\":\"pt\"}", Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_truncated_anywhere_says_so()
    {
        var whole = Written(TensorType.F32, 1f, 2f, 3f);
        for (var length = 0; length < whole.Length; length++)
        {
            var path = folder.File($"cut{length}.safetensors");
            File.WriteAllBytes(path, whole[..length]);

            var message = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;

            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.Contains("the file is truncated: copy it again", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_truncated_data_names_the_tensor()
    {
        var whole = Written(TensorType.F32, 1f, 2f, 3f);
        var path = folder.File("cut.safetensors");
        File.WriteAllBytes(path, whole[..^1]);

        Assert.Contains("tensor 'x' ends at byte 12 of the data, which has 11", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 12, "4 bytes follow the last tensor")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "tensor 'x' is listed twice")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor 'y' overlaps another")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "a gap before tensor 'y'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "tensor 'x' of type F32 and shape [3] does not take the bytes 0 to 8")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "does not take the bytes 8 to 0")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", 8, "does not take the bytes")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""", 8, "does not take the bytes")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "tensor 'x' has no valid dtype, shape and data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "tensor 'x' has no valid dtype")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "tensor 'x' has no valid dtype")]
    [InlineData("""{"x":{"dtype":"F32","data_offsets":[0,8]}}""", 8, "tensor 'x' has no valid dtype")]
    [InlineData("""{"x":{"dtype":"Q4_0","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown element type Q4_0")]
    [InlineData("""{"x":7}""", 0, "tensor 'x' has no valid dtype")]
    [InlineData("[]", 0, "its header is not a JSON object")]
    [InlineData("{\"x\":", 0, "its header is not JSON")]
    public void Open_damaged_header_names_what_is_wrong(string header, int dataBytes, string expected)
    {
        var path = Raw(header, new byte[dataBytes]);

        var message = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;

        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_header_of_absurd_length_is_another_format()
    {
        var path = folder.File("big.safetensors");
        File.WriteAllBytes(path, Enumerable.Repeat((byte)0xFF, 64).ToArray());

        Assert.Contains("is not a safetensors file", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_tensors_in_any_order_and_whole_numbers_beside_them_is_fine()
    {
        var path = Raw("""{"y":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}} """, [.. new byte[8], .. BitConverter.GetBytes(5f)]);
        using var file = SafetensorsFile.Open(path);
        var y = new float[1];

        file.Read(new NamedTensor("y", [1], y));

        Assert.Equal([5f], y);
        Assert.Contains("tensor 'i' has element type I64", Assert.Throws<InvalidDataException>(() => file.Read(new NamedTensor("i", [1], y))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_tensor_missing_misshapen_or_surplus_names_it()
    {
        var path = folder.File("w.safetensors");
        SafetensorsFile.Write(path, [new("a", [2], new float[2]), new("b", [3], new float[3])]);
        var (two, three) = (new float[2], new float[3]);

        Assert.Contains("'c' is missing", Message([new("a", [2], two), new("b", [3], three), new("c", [2], two)]), StringComparison.Ordinal);
        Assert.Contains("'b' has shape [3], but the model needs [2]", Message([new("a", [2], two), new("b", [2], two)]), StringComparison.Ordinal);
        Assert.Contains("'b' is not of this model", Message([new("a", [2], two)]), StringComparison.Ordinal);

        string Message(NamedTensor[] tensors) => Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(path, tensors)).Message;
    }

    [Fact]
    public void Write_one_name_twice_is_refused_and_leaves_no_file()
    {
        var path = folder.File("w.safetensors");

        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(path, [new("a", [1], new float[1]), new("a", [1], new float[1])]));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void NamedTensor_shape_and_values_disagree_is_refused() =>
        Assert.Throws<ArgumentException>(() => new NamedTensor("a", [2, 3], new float[5]));

    private byte[] Written(TensorType type, params float[] values)
    {
        var path = folder.File("written.safetensors");
        SafetensorsFile.Write(path, [new("x", [values.Length], values)], type);
        return File.ReadAllBytes(path);
    }

    private string Raw(string header, byte[] data)
    {
        var path = folder.File("raw.safetensors");
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
        return path;
    }
}
