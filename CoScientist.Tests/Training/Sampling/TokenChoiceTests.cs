using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Sampling;

/// <summary>Every filter against its definition, written out slowly.</summary>
public sealed unsafe class TokenChoiceTests
{
    public static TheoryData<int, double, double, double> Filters => new()
    {
        { 0, 0.9, 0, 1 }, { 0, 0.98, 0, 3 }, { 0, 0.3, 0, 8 }, { 1, 1, 0, 1 }, { 5, 1, 0, 1 }, { 40, 0.8, 0, 4 },
        { 0, 1, 0.1, 1 }, { 0, 1, 0.001, 6 }, { 0, 1, 1, 1 }, { 10, 0.95, 0.05, 3 }, { 5000, 0.999, 0, 12 }, { 3, 0.01, 0.9, 1 },
    };

    [Theory]
    [MemberData(nameof(Filters))]
    public void DrawFiltered_anyRow_drawsWhatTheDefinitionDraws(int topK, double topP, double minP, double spread)
    {
        var options = new SamplingOptions { TopK = topK, TopP = topP, MinP = minP };
        var random = new SeededRandom(1, topK);
        foreach (var vocabulary in new[] { 1, 2, 17, 37, 300, 2048 })
        {
            using var row = new Row(vocabulary, spread, random, ties: vocabulary is 37 or 300);
            for (var i = 0; i < 40; i++)
            {
                var u = i == 0 ? 0 : i == 1 ? 1 - 1e-16 : random.NextDouble();
                Assert.Equal(Slow(row, options, u), TokenChoice.DrawFiltered(row.Pointer, vocabulary, row.Normaliser, options, u));
            }
        }
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(3)]
    [InlineData(30)]
    public void Draw_anyRow_drawsWhatExactSumsDraw(double spread)
    {
        var random = new SeededRandom(2);
        foreach (var vocabulary in new[] { 1, 16, 37, 127, 128, 129, 1000, 2048 })
        {
            using var row = new Row(vocabulary, spread, random, ties: false);
            var edge = 0.0;
            for (var i = 0; i < 60; i++)
            {
                // Half of the numbers lie on the border between two tokens, where fast sums cannot tell.
                edge += i < vocabulary ? Math.Exp(row.Pointer[i] - row.Normaliser) : 0;
                var u = i % 2 == 0 ? random.NextDouble() : Math.Min(edge, 1 - 1e-12);
                Assert.Equal(TokenChoice.DrawExactly(row.Pointer, vocabulary, row.Normaliser, u), TokenChoice.Draw(row.Pointer, vocabulary, row.Normaliser, u));
            }
        }
    }

    [Fact]
    public void Best_equalLogits_takesTheLowestId()
    {
        using var row = new Row(50, 1, new SeededRandom(3), ties: false);
        row.Pointer[31] = row.Pointer[44] = 9;
        Assert.Equal(31, TokenChoice.Best(row.Pointer, 50));
    }

    [Fact]
    public void Penalise_tokensSeen_dividesPositiveAndMultipliesNegativeLogits()
    {
        using var row = new Row(130, 2, new SeededRandom(4), ties: false);
        float[] before = [.. new Span<float>(row.Pointer, 130)];
        int[] seen = [0, 5, 63, 64, 129];
        var bits = new ulong[3];
        foreach (var token in seen)
        {
            bits[token / 64] |= 1UL << (token % 64);
        }

        TokenChoice.Penalise(row.Pointer, bits, 1.3f);
        for (var token = 0; token < 130; token++)
        {
            var expected = !seen.Contains(token) ? before[token] : before[token] > 0 ? before[token] / 1.3f : before[token] * 1.3f;
            Assert.Equal(expected, row.Pointer[token]);
        }
    }

    /// <summary>All tokens sorted, the filters one after the other, the sum over what is left.</summary>
    private static int Slow(Row row, SamplingOptions options, double u)
    {
        var order = Enumerable.Range(0, row.Vocabulary)
            .Select(token => (Token: token, X: row.Pointer[token] - row.Normaliser))
            .Where(entry => entry.X > -40)
            .Select(entry => (entry.Token, P: Math.Exp(entry.X)))
            .OrderByDescending(entry => entry.P).ThenBy(entry => entry.Token).ToList();
        var all = 1.0;
        if (options.TopK > 0)
        {
            order = [.. order.Take(options.TopK)];
            all = order.Sum(entry => entry.P);
        }

        var kept = new List<(int Token, double P)>();
        foreach (var entry in order)
        {
            if (kept.Sum(other => other.P) < options.TopP * all)
            {
                kept.Add(entry);
            }
        }

        kept = [.. kept.Where(entry => entry.P >= options.MinP * kept[0].P)];
        var mass = kept.Sum(entry => entry.P);
        var sum = 0.0;
        foreach (var (token, p) in kept)
        {
            sum += p / mass;
            if (sum > u)
            {
                return token;
            }
        }

        return kept[^1].Token;
    }

    /// <summary>A padded row of random logits.</summary>
    private sealed class Row : IDisposable
    {
        private readonly FloatBuffer buffer;

        public Row(int vocabulary, double spread, SeededRandom random, bool ties)
        {
            Vocabulary = vocabulary;
            buffer = new FloatBuffer(MatMul.Padded(vocabulary));
            buffer.Span.Fill(-1e30f);
            for (var i = 0; i < vocabulary; i++)
            {
                var x = random.NextNormal() * spread;
                Pointer[i] = (float)(ties ? Math.Round(x) : x);
            }

            Normaliser = (float)Math.Log(buffer.Span[..vocabulary].ToArray().Sum(x => Math.Exp(x)));
        }

        public int Vocabulary { get; }

        public float* Pointer => buffer.Pointer;

        public float Normaliser { get; }

        public void Dispose() => buffer.Dispose();
    }
}
