using CoScientist.Core;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Model;

/// <summary>Adapters of the fast model against their definition in double precision.</summary>
public sealed unsafe class LoraTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly (int Length, int Parent)[] Tree = [(20, -1), (7, 0), (33, 0), (64, -1)];

    [Theory]
    [InlineData("qwen3", 3, 0, false)]
    [InlineData("qwen3", 16, 0.3, true)]
    [InlineData("qwen2", 33, 0.5, false)]
    [InlineData("experts", 4, 0, true)]
    [InlineData("llama", 5, 0, false)]
    [InlineData("llama biased", 3, 0.4, true)]
    public void Gradients_everyLinearLayer_equalTheReferenceAndTheBaseHasNone(string family, int rank, double dropout, bool stabilised)
    {
        var config = ModelFamilies.Shape(family, TransformerTests.Awkward);
        var options = new LoraOptions { Rank = rank, Alpha = 5, Dropout = dropout, RankStabilised = stabilised, TargetModules = config.TiedEmbeddings ? ["all-linear"] : ["all-linear", "lm_head"], Seed = 7 };
        int[] tokens = TransformerTests.Tokens(Tree.Sum(segment => segment.Length), config.VocabularySize, 51);
        int[] targets = TransformerTests.Tokens(tokens.Length, config.VocabularySize, 52);
        double[] upstream = [.. GradientCheck.Normals(tokens.Length, 53).Select(value => (double)(float)value)];
        var batch = Batch(tokens);
        Dictionary<string, float[]>? bits = null;
        foreach (var (pool, checkpointing) in pools.All.Select(pool => (pool, false)).Append((pools.All[^1], true)))
        {
            var reference = new ReferenceModel(config, 54);
            using var fast = new FastModel(config, reference, pool, checkpointing);
            fast.Model.AddAdapters(options);
            Fill(fast.Model.Adapters!);
            fast.Model.WeightsChanged();
            reference.Lora = new ReferenceLora(options, fast.Model.Adapters!) { Drops = dropout > 0 };

            var expected = reference.LogProbabilities(tokens, new SegmentVisibility(Tree), targets, upstream);
            var wanted = new Targets([.. Enumerable.Range(0, tokens.Length)], targets);
            Close.Elements("log p", expected, fast.LogProbabilities(batch, wanted, out _), [.. expected.Select(value => 2e-5 * (1 + Math.Abs(value)))]);
            var gradients = fast.Gradients(batch, wanted, [.. upstream.Select(value => (float)value)]);

            Assert.Equal(reference.Lora.Gradients.Keys.Order(StringComparer.Ordinal), gradients.Keys.Order(StringComparer.Ordinal));
            bits ??= gradients;
            foreach (var (name, gradient) in gradients)
            {
                Close.ToScale(name, reference.Lora.Gradients[name], gradient, 3e-5, floor: 1e-3);
                Close.Bits($"{name}, {pool.Threads} threads, checkpointing {checkpointing}", bits[name], gradient);
            }
        }
    }

    [Fact]
    public void Reference_adapterGradients_areTheSlopes()
    {
        var config = TransformerTests.Awkward with { Layers = 1, VocabularySize = 11, HiddenSize = 10, Heads = 2, KeyValueHeads = 1, HeadDim = 4, FeedForwardSize = 7 };
        var options = new LoraOptions { Rank = 2, Alpha = 3, Dropout = 0.3, Seed = 5 };
        using var fast = new FastModel(config, new ReferenceModel(config, 55), pools.Single);
        fast.Model.AddAdapters(options);
        Fill(fast.Model.Adapters!);
        var reference = new ReferenceModel(config, 55) { Lora = new ReferenceLora(options, fast.Model.Adapters!) { Drops = true } };
        int[] tokens = TransformerTests.Tokens(9, 11, 56);
        int[] targets = TransformerTests.Tokens(9, 11, 57);
        var upstream = GradientCheck.Normals(9, 58);
        reference.LogProbabilities(tokens, new SegmentVisibility([(9, -1)]), targets, upstream);
        var slopes = reference.Lora.Gradients.ToDictionary(pair => pair.Key, pair => (double[])pair.Value.Clone(), StringComparer.Ordinal);
        double Loss() => GradientCheck.Dot(upstream, reference.LogProbabilities(tokens, new SegmentVisibility([(9, -1)]), targets, new double[9]));
        foreach (var (name, values) in reference.Lora.Parameters)
        {
            GradientCheck.Matches(name, Loss, values, slopes[name], Enumerable.Range(0, Math.Min(6, values.Length)));
        }
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("experts normalised")]
    [InlineData("llama")]
    public void Merge_andBack_equalsTheAdapterAndThenTheOriginalToTheBit(string family)
    {
        var config = ModelFamilies.Shape(family, TransformerTests.Awkward);
        using var fast = new FastModel(config, new ReferenceModel(config, 59), pools.All[1]);
        var plain = Logs(fast);
        fast.Model.AddAdapters(new LoraOptions { Rank = 5, Alpha = 8, TargetModules = config.TiedEmbeddings ? ["all-linear"] : ["q_proj", "lm_head"] });
        Close.Bits("fresh", plain, Logs(fast));
        Fill(fast.Model.Adapters!);
        fast.Model.WeightsChanged();
        var adapted = Logs(fast);
        Assert.NotEqual(plain, adapted);

        fast.Model.Merge(merged: true);
        var merged = Logs(fast);
        Close.Elements("merged", [.. adapted.Select(value => (double)value)], merged, [.. adapted.Select(value => 2e-5 * (1 + Math.Abs(value)))]);
        fast.Model.Merge(merged: false);
        Close.Bits("unmerged", adapted, Logs(fast));
        fast.Model.Lora.Enabled = false;
        Close.Bits("switched off", plain, Logs(fast));
    }

    [Theory]
    [InlineData("up_projection", "'up_projection'")]
    [InlineData("lm_head", "'lm_head' (its output head is the embedding, which an adapter of the head would change too)")]
    [InlineData("embed_tokens", "'embed_tokens' (adapters of the embedding are not supported)")]
    public void AddAdapters_noSuchLayer_isNamed(string target, string expected)
    {
        using var fast = new FastModel(TransformerTests.Awkward, new ReferenceModel(TransformerTests.Awkward, 60), pools.Single);

        var message = Assert.Throws<InvalidDataException>(() => fast.Model.AddAdapters(new LoraOptions { TargetModules = ["q_proj", target] })).Message;

        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain("'q_proj'", message, StringComparison.Ordinal);
        Assert.Null(fast.Model.Adapters);
    }

    [Fact]
    public void Validate_severalFaults_namesEach()
    {
        var message = Assert.Throws<InvalidDataException>(new LoraOptions { Rank = 0, Alpha = double.NaN, Dropout = 1, TargetModules = [] }.Validate).Message;

        Assert.All(["Rank (0)", "Alpha (NaN)", "Dropout (1)", "TargetModules"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    private static float[] Logs(FastModel fast)
    {
        int[] tokens = TransformerTests.Tokens(Tree.Sum(segment => segment.Length), TransformerTests.Awkward.VocabularySize, 61);
        return fast.LogProbabilities(Batch(tokens), new Targets([.. Enumerable.Range(0, tokens.Length)], tokens), out _);
    }

    /// <summary>Gives B, which starts at zero, something to do.</summary>
    private static void Fill(Parameters adapters)
    {
        var random = new SeededRandom(62);
        foreach (var tensor in adapters.Tensors())
        {
            foreach (ref var value in tensor.Values.Span)
            {
                value = (float)(0.2 * random.NextNormal());
            }
        }
    }

    private static TokenBatch Batch(int[] tokens)
    {
        var batch = new TokenBatch();
        foreach (var (length, parent) in Tree)
        {
            batch.Add(tokens.AsSpan(batch.Count, length), parent);
        }

        return batch;
    }
}
