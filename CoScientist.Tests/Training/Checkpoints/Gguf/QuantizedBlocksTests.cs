using CoScientist.Training.Checkpoints;

namespace CoScientist.Tests.Training.Checkpoints.Gguf;

/// <summary>Block formats against slow twins that follow the published layouts value by value.</summary>
public sealed class QuantizedBlocksTests
{
    [Theory]
    [InlineData(TensorType.Q8_0)]
    [InlineData(TensorType.Q4_K)]
    [InlineData(TensorType.Q6_K)]
    public void Decode_is_the_slow_twin_to_the_bit(TensorType type)
    {
        const int Blocks = 37;
        var random = new Random(3);
        var bytes = new byte[Blocks * type.BlockBytes()];
        random.NextBytes(bytes);
        for (var block = 0; block < Blocks; block++)
        {
            // Scales are halves; random ones would often be no numbers.
            var at = block * type.BlockBytes();
            PutHalf(bytes, at + (type == TensorType.Q6_K ? 208 : 0), random);
            if (type == TensorType.Q4_K)
            {
                PutHalf(bytes, at + 2, random);
            }
        }

        var values = new float[Blocks * type.BlockValues()];
        TensorTypes.Decode(type, bytes, values);

        for (var i = 0; i < values.Length; i++)
        {
            var block = bytes.AsSpan(i / type.BlockValues() * type.BlockBytes(), type.BlockBytes());
            var at = i % type.BlockValues();
            Assert.Equal(type switch { TensorType.Q8_0 => Q8(block, at), TensorType.Q4_K => Q4K(block, at), _ => Q6K(block, at) }, values[i]);
        }
    }

    [Fact]
    public void Encode_Q8_rounds_to_the_nearest_step_and_away_from_zero()
    {
        var values = new float[64];
        (values[0], values[1], values[2], values[3]) = (127, 0.5f, -0.5f, 1.4f);
        var bytes = new byte[68];

        TensorTypes.Encode(TensorType.Q8_0, values, bytes);

        Assert.Equal(1f, (float)BitConverter.ToHalf(bytes));
        Assert.Equal([127, 1, 255, 1, 0], bytes[2..7]);
        Assert.All(bytes[34..], value => Assert.Equal(0, value)); // all zero: no scale, no division by it
    }

    [Fact]
    public void Decode_after_encode_Q8_is_within_half_a_step()
    {
        var random = new Random(4);
        var values = Enumerable.Range(0, 320).Select(i => (float)((random.NextDouble() - 0.5) * Math.Pow(10, (i / 64) - 2))).ToArray();
        var (bytes, back) = (new byte[340], new float[320]);

        TensorTypes.Encode(TensorType.Q8_0, values, bytes);
        TensorTypes.Decode(TensorType.Q8_0, bytes, back);

        for (var i = 0; i < values.Length; i++)
        {
            var largest = values.Skip(i / 32 * 32).Take(32).Max(MathF.Abs);
            Assert.InRange(back[i], values[i] - (0.6f * largest / 127), values[i] + (0.6f * largest / 127));
        }
    }

    private static void PutHalf(byte[] bytes, int at, Random random) => BitConverter.TryWriteBytes(bytes.AsSpan(at), (Half)(random.NextDouble() - 0.5));

    private static float Q8(ReadOnlySpan<byte> block, int i) => (float)BitConverter.ToHalf(block) * (sbyte)block[2 + i];

    // d, dmin, scales[12], qs[128]: values 64p to 64p+31 in the low halves of qs[32p…], the next 32 in the high halves.
    private static float Q4K(ReadOnlySpan<byte> block, int i)
    {
        var group = i / 32;
        var bits = Bits(block.Slice(4, 12));
        var (scale, minimum) = group < 4
            ? (bits(8 * group, 6), bits((8 * group) + 32, 6))
            : (bits(8 * (group + 4), 4) | (bits((8 * (group - 4)) + 6, 2) << 4), bits((8 * (group + 4)) + 4, 4) | (bits((8 * group) + 6, 2) << 4));
        var q = Bits(block[16..])((8 * ((32 * (group / 2)) + (i % 32))) + (4 * (group % 2)), 4);
        return ((float)BitConverter.ToHalf(block) * scale * q) - ((float)BitConverter.ToHalf(block[2..]) * minimum);
    }

    // ql[128], qh[64], scales[16], d: in each half of 128, run r of 32 has its low bits in ql[32(r%2)…] at 4(r/2), its high bits in qh at 2r.
    private static float Q6K(ReadOnlySpan<byte> block, int i)
    {
        var (half, run, at) = (i / 128, i % 128 / 32, i % 32);
        var low = Bits(block[..128])((8 * ((64 * half) + (32 * (run % 2)) + at)) + (4 * (run / 2)), 4);
        var high = Bits(block.Slice(128, 64))((8 * ((32 * half) + at)) + (2 * run), 2);
        return (float)BitConverter.ToHalf(block[208..]) * (sbyte)block[192 + (i / 16)] * ((low | (high << 4)) - 32);
    }

    /// <summary>Reads a number of bits from a place, counted from the lowest bit of the first byte.</summary>
    private static Func<int, int, int> Bits(ReadOnlySpan<byte> bytes)
    {
        var all = bytes.ToArray();
        return (at, count) => Enumerable.Range(0, count).Sum(bit => ((all[(at + bit) / 8] >> ((at + bit) % 8)) & 1) << bit);
    }
}
