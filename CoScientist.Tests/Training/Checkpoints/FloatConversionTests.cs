using System.Buffers.Binary;
using CoScientist.Training.Checkpoints;

namespace CoScientist.Tests.Training.Checkpoints;

/// <summary>The vector conversions against the platform's scalar ones and the written definitions of the formats.</summary>
public sealed class FloatConversionTests
{
    [Theory]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F16)]
    public void Decode_every_16_bit_value_is_the_scalar_conversion(TensorType type)
    {
        var bytes = new byte[2 * 65_536];
        for (var i = 0; i < 65_536; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)i);
        }

        var values = new float[65_536];
        TensorTypes.Decode(type, bytes, values);

        for (var i = 0; i < values.Length; i++)
        {
            var expected = type == TensorType.BF16 ? BitConverter.UInt32BitsToSingle((uint)i << 16) : (float)BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(values[i]));
        }
    }

    [Fact]
    public void Encode_F16_is_the_scalar_conversion()
    {
        // Every exponent, with mantissas around each place where rounding decides.
        var values = new List<float>();
        for (var exponent = 0; exponent < 256; exponent++)
        {
            foreach (var mantissa in new[] { 0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x2FFF, 0x3000, 0x3001, 0x40_0000, 0x7F_EFFF, 0x7F_F000, 0x7F_FFFF })
            {
                foreach (var sign in new[] { 0u, 0x8000_0000u })
                {
                    values.Add(BitConverter.UInt32BitsToSingle(sign | ((uint)exponent << 23) | (uint)mantissa));
                }
            }
        }

        var random = new Random(5);
        for (var i = 0; i < 100_000; i++)
        {
            values.Add(BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)));
        }

        var bytes = new byte[2 * values.Count];
        TensorTypes.Encode(TensorType.F16, values.ToArray(), bytes);

        for (var i = 0; i < values.Count; i++)
        {
            var actual = BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(2 * i));
            Assert.True(((Half)values[i]).Equals(actual), $"{BitConverter.SingleToUInt32Bits(values[i]):X8}: {(Half)values[i]}, not {actual}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(33)]
    public void Conversion_of_any_length_there_and_back_is_exact(int length)
    {
        var values = Enumerable.Range(0, length).Select(i => (i - 3) * 0.25f).ToArray();
        foreach (var type in new[] { TensorType.F32, TensorType.BF16, TensorType.F16 })
        {
            var bytes = new byte[type.ByteCount(length)];
            var back = new float[length];

            TensorTypes.Encode(type, values, bytes);
            TensorTypes.Decode(type, bytes, back);

            Assert.Equal(values, back);
        }
    }

    [Theory]
    [InlineData(0x00, 0f)]
    [InlineData(0x01, 0.001953125f)] // 2^-9, the smallest
    [InlineData(0x07, 0.013671875f)] // the largest subnormal
    [InlineData(0x08, 0.015625f)] // 2^-6, the smallest normal
    [InlineData(0x38, 1f)]
    [InlineData(0xB9, -1.125f)]
    [InlineData(0x7E, 448f)]
    [InlineData(0x7F, float.NaN)]
    public void Decode_E4M3_is_as_defined(byte bits, float expected) => Assert.Equal(expected, Decoded(TensorType.F8_E4M3, bits));

    [Theory]
    [InlineData(0x01, 1.52587890625e-05f)] // 2^-16
    [InlineData(0x3C, 1f)]
    [InlineData(0xBD, -1.25f)]
    [InlineData(0x7B, 57_344f)]
    [InlineData(0x7C, float.PositiveInfinity)]
    [InlineData(0x7D, float.NaN)]
    public void Decode_E5M2_is_as_defined(byte bits, float expected) => Assert.Equal(expected, Decoded(TensorType.F8_E5M2, bits));

    [Theory]
    [InlineData(TensorType.F8_E4M3)]
    [InlineData(TensorType.Q4_K)]
    public void Encode_types_that_are_only_read_are_refused(TensorType type) =>
        Assert.Throws<ArgumentException>(() => TensorTypes.Encode(type, new float[type.BlockValues()], new byte[type.BlockBytes()]));

    [Fact]
    public void Decode_lengths_that_disagree_are_refused() =>
        Assert.Throws<ArgumentException>(() => TensorTypes.Decode(TensorType.Q8_0, new byte[34], new float[31]));

    private static float Decoded(TensorType type, byte bits)
    {
        var value = new float[1];
        TensorTypes.Decode(type, [bits], value);
        return value[0];
    }
}
