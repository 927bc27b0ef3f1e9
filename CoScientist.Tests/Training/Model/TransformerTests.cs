using CoScientist.Core;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Model;

/// <summary>The fast model against the plain one in double precision: log-probabilities, entropies and the gradient of every weight.</summary>
public sealed class TransformerTests(KernelPools pools) : IClassFixture<KernelPools>
{
    /// <summary>Largest error of a log-probability or entropy, in nats.</summary>
    private const double ValueTolerance = 1e-5;

    /// <summary>Largest error of a gradient, relative to the largest element of its tensor.</summary>
    private const double GradientTolerance = 2e-5;

    internal static ModelConfig Awkward { get; } = new()
    {
        VocabularySize = 37,
        HiddenSize = 21,
        Layers = 3,
        Heads = 6,
        KeyValueHeads = 2,
        HeadDim = 6,
        FeedForwardSize = 23,
        MaxPositions = 256,
    };

    private static (int Length, int Parent)[] Tree => [(20, -1), (7, 0), (1, 0), (33, 0), (5, 3), (2, 3), (64, -1), (66, 6), (3, 7), (1, -1)];

    [Fact]
    public void Gradients_logitsKeptInPart_areTheBitsOfThoseComputedAgain()
    {
        // 64 MiB keep 512 of these rows; with checkpointing none.
        var config = Awkward with { VocabularySize = 32_700, HiddenSize = 8, Layers = 1, Heads = 2 };
        var reference = new ReferenceModel(config, 17);
        var batch = new TokenBatch();
        for (var i = 0; i < 6; i++)
        {
            batch.Add(Tokens(90, config.VocabularySize, 18 + i));
        }

        var targets = new Targets([.. Enumerable.Range(0, batch.Count)], Tokens(batch.Count, config.VocabularySize, 25));
        float[] weights = [.. GradientCheck.Normals(batch.Count, 26).Select(value => (float)value)];
        using var keeping = new FastModel(config, reference, pools.All[1]);
        using var recomputing = new FastModel(config, reference, pools.Single, checkpointing: true);
        var (kept, computed) = (keeping.Gradients(batch, targets, weights), recomputing.Gradients(batch, targets, weights));
        foreach (var (name, gradient) in computed)
        {
            Close.Bits(name, gradient, kept[name]);
        }
    }

    [Theory]
    [InlineData("qwen3", 1)]
    [InlineData("qwen3", 0.7)]
    [InlineData("qwen3 sliding", 1)]
    [InlineData("qwen2", 1)]
    [InlineData("qwen2 sliding", 1)]
    [InlineData("llama", 1)]
    [InlineData("llama biased", 0.7)]
    [InlineData("qwen3 biased", 1)]
    [InlineData("llama 3", 1)]
    [InlineData("linear", 1)]
    [InlineData("yarn", 1)]
    [InlineData("experts", 1)]
    [InlineData("experts normalised", 0.7)]
    [InlineData("experts balanced", 1)]
    [InlineData("sandbox", 1)]
    public void Model_treeOfSegments_equalsTheReferenceToTheLastGradient(string family, float temperature)
    {
        var config = family == "sandbox"
            ? Awkward with { VocabularySize = 600, HiddenSize = 128, Layers = 1, Heads = 4, KeyValueHeads = 2, HeadDim = 32, FeedForwardSize = 384 }
            : ModelFamilies.Shape(family, Awkward);
        var balance = family == "experts balanced" ? 0.5f : 0;
        int[] banned = temperature == 1 ? [] : [3, 36];
        var reference = new ReferenceModel(config, 11) { BalanceCoefficient = balance };
        var (tokens, batch) = Batch(Tree, config.VocabularySize, 12);
        var visibility = new SegmentVisibility(Tree);
        int[] targets = [.. Tokens(tokens.Length, config.VocabularySize - 1, 13).Select(token => banned.Contains(token) ? 0 : token)];
        // Every third row is no target; one target has weight zero.
        double[] upstream = [.. GradientCheck.Normals(tokens.Length, 14).Select((g, n) => n % 3 == 0 || n == 1 ? 0 : (double)(float)g)];
        int[] rows = [.. Enumerable.Range(0, tokens.Length).Where(n => n % 3 != 0)];
        var wanted = new Targets(rows, [.. rows.Select(n => targets[n])]);
        float[] weights = [.. rows.Select(n => (float)upstream[n])];

        var logProbabilities = reference.LogProbabilities(tokens, visibility, targets, upstream, temperature, banned);
        var entropies = new double[tokens.Length];
        SoftmaxReference.Entropies<double>(reference.Distribution(tokens, visibility, temperature, banned), entropies, config.VocabularySize);

        (float[] Values, Dictionary<string, float[]> Gradients)? first = null;
        foreach (var (pool, checkpointing) in pools.All.Select(pool => (pool, false)).Append((pools.All[^1], true)))
        {
            using var fast = new FastModel(config, reference, pool, checkpointing);
            fast.Model.BalanceExperts(balance);
            var values = fast.LogProbabilities(batch, wanted, out var spread, temperature, banned);
            var gradients = fast.Gradients(batch, wanted, weights, temperature, banned);
            Close.Elements("log p", [.. rows.Select(n => logProbabilities[n])], values, [.. rows.Select(n => ValueTolerance * (1 + Math.Abs(logProbabilities[n])))]);
            Close.Elements("entropy", [.. rows.Select(n => entropies[n])], spread, [.. rows.Select(_ => ValueTolerance * 10)]);
            Assert.Equal(reference.Gradients.Keys.Order(StringComparer.Ordinal), gradients.Keys.Order(StringComparer.Ordinal));
            first ??= (values, gradients);
            Close.Bits($"log p, {pool.Threads} threads, checkpointing {checkpointing}", first.Value.Values, values);
            foreach (var (name, gradient) in gradients)
            {
                Close.ToScale(name, reference.Gradients[name], gradient, GradientTolerance, floor: 1e-3);
                Close.Bits($"{name}, {pool.Threads} threads, checkpointing {checkpointing}", first.Value.Gradients[name], gradient);
            }
        }
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen3 sliding")]
    [InlineData("experts")]
    public void LogProbabilities_anyBatchAroundASequence_areTheSameBits(string family)
    {
        var config = ModelFamilies.Shape(family, Awkward);
        var reference = new ReferenceModel(config, 15);
        using var fast = new FastModel(config, reference, pools.All[^1]);
        var sequence = Tokens(90, Awkward.VocabularySize, 16);
        var other = Tokens(40, Awkward.VocabularySize, 17);
        int[] next = [.. sequence[1..], 5];
        float[] Run(Action<TokenBatch> fill, IReadOnlyList<int> rows)
        {
            var batch = new TokenBatch();
            fill(batch);
            return fast.LogProbabilities(batch, new Targets(rows, next), out _);
        }

        var alone = Run(batch => batch.Add(sequence), [.. Enumerable.Range(0, 90)]);
        var last = Run(
            batch =>
            {
                batch.Add(other);
                batch.Add(other, 0);
                batch.Add(sequence);
            },
            [.. Enumerable.Range(80, 90)]);
        var branched = Run(
            batch =>
            {
                batch.Add(sequence.AsSpan(0, 31));
                batch.Add(other, 0);
                batch.Add(sequence.AsSpan(31, 50), 0);
                batch.Add(other, 2);
                batch.Add(sequence.AsSpan(81), 2);
            },
            [.. Enumerable.Range(0, 31), .. Enumerable.Range(71, 50), .. Enumerable.Range(161, 9)]);

        Close.Bits("after others", alone, last);
        Close.Bits("in branches", alone, branched);
    }

    [Fact]
    public void Gradients_twoAccumulations_addUp()
    {
        var reference = new ReferenceModel(Awkward, 18);
        using var fast = new FastModel(Awkward, reference, pools.Single);
        var (tokens, batch) = Batch([(30, -1), (9, 0)], Awkward.VocabularySize, 19);
        var targets = new Targets([4, 10, 38], [1, 2, 3]);
        var once = fast.Gradients(batch, targets, [1, -0.5f, 2]);
        Assert.Equal(39, tokens.Length);
        var first = fast.Gradients(batch, targets, [1, 0, 0]);
        var rest = fast.Gradients(batch, targets, [0, -0.5f, 2]);
        foreach (var (name, gradient) in once)
        {
            Close.ToScale(name, [.. first[name].Zip(rest[name], (a, b) => (double)a + b)], gradient, GradientTolerance);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(37)]
    [InlineData(1_000_000)]
    public void Forward_tokenOutsideTheVocabulary_isRefused(int token)
    {
        using var fast = new FastModel(Awkward, new ReferenceModel(Awkward, 20), pools.Single);
        var batch = new TokenBatch();
        batch.Add([1, token, 2]);
        Assert.ThrowsAny<ArgumentException>(() => fast.LogProbabilities(batch, new Targets([0], [1]), out _));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(37)]
    public void LogProbabilities_targetOutsideTheVocabulary_isRefused(int token)
    {
        using var fast = new FastModel(Awkward, new ReferenceModel(Awkward, 20), pools.Single);
        var batch = new TokenBatch();
        batch.Add([1, 2]);
        Assert.ThrowsAny<ArgumentException>(() => fast.LogProbabilities(batch, new Targets([0], [token]), out _));
    }

    [Fact]
    public void Forward_sequenceBeyondTheLastPosition_isRefused()
    {
        using var fast = new FastModel(Awkward, new ReferenceModel(Awkward, 20), pools.Single);
        var batch = new TokenBatch();
        batch.Add(new int[Awkward.MaxPositions]);
        _ = fast.LogProbabilities(batch, new Targets([0], [1]), out _);
        batch.Add([1], 0);
        Assert.ThrowsAny<ArgumentException>(() => fast.LogProbabilities(batch, new Targets([0], [1]), out _));
    }

    internal static int[] Tokens(int count, int vocabulary, long seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }

    private static (int[] Tokens, TokenBatch Batch) Batch((int Length, int Parent)[] segments, int vocabulary, long seed)
    {
        var tokens = Tokens(segments.Sum(segment => segment.Length), vocabulary, seed);
        var batch = new TokenBatch();
        foreach (var (length, parent) in segments)
        {
            batch.Add(tokens.AsSpan(batch.Count, length), parent);
        }

        return (tokens, batch);
    }
}
