using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>Narrowing to bfloat16 and widening.</summary>
public sealed unsafe class Bfloat16Tests
{
    [Fact]
    public void Widen_everyValue_narrowsToItself()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var value = Bfloat16.Widen((ushort)bits);
            var expected = float.IsNaN(value) ? bits | 0x40 : bits;
            Assert.Equal((ushort)expected, Bfloat16.Narrow(value));
        }
    }

    [Theory]
    [InlineData(0x3F808000, 0x3F80)] // halfway: to the even one
    [InlineData(0x3F818000, 0x3F82)]
    [InlineData(0x3F808001, 0x3F81)]
    [InlineData(0x3F807FFF, 0x3F80)]
    [InlineData(0x7F7FFFFF, 0x7F80)] // above the largest: infinity
    [InlineData(0x7FFFFFFF, 0x7FFF)] // NaN whose rounding would carry into the sign
    [InlineData(0x7F800001, 0x7FC0)] // NaN whose upper half is infinity
    [InlineData(0x80000001, 0x8000)]
    public void Narrow_singleBits_roundsToNearestEven(uint single, int expected) =>
        Assert.Equal((ushort)expected, Bfloat16.Narrow(BitConverter.UInt32BitsToSingle(single)));

    [Fact]
    public void Arrays_anyLength_equalTheirElements()
    {
        for (var length = 0; length <= 100; length++)
        {
            var values = GradientCheck.Normals(length, length);
            for (var i = 0; i < length; i += 7)
            {
                values[i] = i % 2 == 0 ? double.NaN : double.NegativeInfinity;
            }

            using var memory = new KernelMemory();
            var source = memory.Of(values);
            var narrow = (ushort*)memory.Filled((length + 1) / 2);
            var wide = memory.Filled(length);
            Bfloat16.Narrow(source, narrow, length);
            Bfloat16.Widen(narrow, wide, length);
            var actual = KernelMemory.ReadChecked(wide, length);
            for (var i = 0; i < length; i++)
            {
                Assert.Equal(Bfloat16.Narrow(source[i]), narrow[i]);
                Assert.Equal(BitConverter.SingleToInt32Bits(Bfloat16.Widen(narrow[i])), BitConverter.SingleToInt32Bits(actual[i]));
            }
        }
    }
}
