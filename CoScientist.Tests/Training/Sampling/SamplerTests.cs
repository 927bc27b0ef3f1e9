using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Sampling;

/// <summary>Sampling with cached keys and values against full forward passes, and its independence of batch and threads.</summary>
public sealed class SamplerTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly ModelConfig Config = TransformerTests.Awkward;
    private static readonly ReferenceModel Reference = new(Config, 31);

    private static SampleRequest[] Requests =>
    [
        new() { Prompt = TransformerTests.Tokens(45, 37, 1), Count = 8, Seed = 100 },
        new() { Prompt = [5], Count = 1, Seed = 101 },
        new() { Prompt = TransformerTests.Tokens(33, 37, 2), Branches = [TransformerTests.Tokens(3, 37, 3), [7], TransformerTests.Tokens(40, 37, 4)], Count = 2, Seed = 102 },
        new() { Prompt = TransformerTests.Tokens(32, 37, 5), Count = 3, Seed = 100 },
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(0.6)]
    public void Sample_promptsAndBranches_logProbabilitiesAreThoseOfAFullForwardPass(double temperature)
    {
        var options = new SamplingOptions { Temperature = temperature, MaxNewTokens = 40, EndTokens = [2], BannedTokens = [0, 9] };
        var requests = Requests;
        using var fast = new FastModel(Config, Reference, pools.All[1]);
        foreach (var sample in Draw(fast, requests, options))
        {
            var prompt = PromptOf(requests, sample);
            int[] sequence = [.. prompt, .. sample.Tokens];
            int[] rows = [.. Enumerable.Range(prompt.Length - 1, sample.Tokens.Length)];
            var visibility = new SegmentVisibility([(sequence.Length, -1)]);
            var logits = Reference.Distribution(sequence, visibility, temperature, options.BannedTokens);
            var expected = new double[sample.Tokens.Length];
            SoftmaxReference.LogProbabilities<double>(logits.AsSpan(rows[0] * Config.VocabularySize), sample.Tokens, expected, Config.VocabularySize);
            Close.Elements("log p", expected, sample.LogProbabilities, [.. expected.Select(value => 1e-5 * (1 + Math.Abs(value)))]);

            var batch = new TokenBatch();
            batch.Add(sequence);
            var forward = fast.LogProbabilities(batch, new Targets(rows, sample.Tokens), out _, (float)temperature, options.BannedTokens);
            Close.Bits("log p of the training pass", forward, sample.LogProbabilities);

            Assert.DoesNotContain(sample.Tokens, options.BannedTokens.Contains);
            Assert.Equal(sample.Ended, sample.Tokens[^1] == 2);
            Assert.True(sample.Ended || sample.Tokens.Length == 40);
            Assert.DoesNotContain(2, sample.Tokens[..^1]);
        }
    }

    [Fact]
    public void Sample_anyThreadCountAndBatch_givesTheSameTokens()
    {
        var options = new SamplingOptions { MaxNewTokens = 30, EndTokens = [2], TopP = 0.95 };
        var requests = Requests;
        using var one = new FastModel(Config, Reference, pools.Single);
        var expected = Draw(one, requests, options);
        Assert.Equal(18, expected.Count);
        Assert.True(expected.Select(sample => string.Join(' ', sample.Tokens)).Distinct(StringComparer.Ordinal).Count() > 8);
        foreach (var pool in pools.All)
        {
            using var fast = new FastModel(Config, Reference, pool);
            Same(expected, Draw(fast, requests, options));

            // Each request alone, and in reverse order among many others (more rows than one batch holds).
            for (var r = 0; r < requests.Length; r++)
            {
                Same(expected.Where(sample => sample.Request == r), Draw(fast, [requests[r]], options));
            }

            SampleRequest[] crowd = [.. Enumerable.Range(0, 4).Select(i => requests[0] with { Count = 70, Seed = i }), .. requests.Reverse()];
            var crowded = Draw(fast, crowd, options).Where(sample => sample.Request >= 4).Reverse().OrderBy(sample => -sample.Request).ThenBy(sample => sample.Branch).ThenBy(sample => sample.Sample);
            Same(expected, crowded);
        }
    }

    [Fact]
    public void Sample_temperatureZero_takesTheLikeliestToken()
    {
        using var fast = new FastModel(Config, Reference, pools.All[1]);
        var prompt = TransformerTests.Tokens(10, 37, 6);
        var sample = Assert.Single(Draw(fast, [new() { Prompt = prompt, Seed = 5 }], new SamplingOptions { Temperature = 0, MaxNewTokens = 12, BannedTokens = [1] }));
        int[] sequence = [.. prompt, .. sample.Tokens];
        var logits = Reference.Distribution(sequence, new SegmentVisibility([(sequence.Length, -1)]), 1, 1);
        for (var i = 0; i < sample.Tokens.Length; i++)
        {
            var row = logits.AsSpan((9 + i) * 37, 37).ToArray();
            Assert.Equal(Array.IndexOf(row, row.Max()), sample.Tokens[i]);
        }
    }

    [Fact]
    public void Sample_manyDraws_followTheDistribution()
    {
        using var fast = new FastModel(Config, Reference, pools.All[1]);
        int[] prompt = [3, 1, 4];
        const int Draws = 4000;
        var p = new double[3 * 37];
        SoftmaxReference.Forward<double>(Reference.Distribution(prompt, new SegmentVisibility([(3, -1)]), 2), p, 3, 37);
        p = p[(2 * 37)..];
        var counts = new double[37];
        foreach (var sample in Draw(fast, [new() { Prompt = prompt, Count = Draws, Seed = 8 }], new SamplingOptions { Temperature = 2, MaxNewTokens = 1 }))
        {
            counts[sample.Tokens[0]]++;
        }

        for (var token = 0; token < 37; token++)
        {
            // Five standard deviations of a binomial count, and a count of slack for the rarest.
            Assert.True(Math.Abs(counts[token] - (Draws * p[token])) <= (5 * Math.Sqrt(Draws * p[token] * (1 - p[token]))) + 1, $"Token {token}: {counts[token]} of {Draws}, expected {Draws * p[token]:F1}.");
        }

        var nucleus = Enumerable.Range(0, 37).OrderByDescending(token => p[token]).ToList();
        var size = Enumerable.Range(1, 37).First(n => nucleus.Take(n).Sum(token => p[token]) >= 0.5);
        var drawn = Draw(fast, [new() { Prompt = prompt, Count = 500, Seed = 9 }], new SamplingOptions { Temperature = 2, TopP = 0.5, MaxNewTokens = 1 }).Select(sample => sample.Tokens[0]).ToHashSet();
        Assert.Equal(nucleus.Take(size).Order(), drawn.Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Sample_probe_readsTheDistributionAfterTheLastToken(int newTokens)
    {
        using var fast = new FastModel(Config, Reference, pools.All[1]);
        int[] probes = [4, 30, 11];
        var requests = Requests[2..3];
        foreach (var sample in Draw(fast, requests, new SamplingOptions { Temperature = 0, MaxNewTokens = newTokens, ProbeTokens = probes }))
        {
            Assert.Equal(newTokens, sample.Tokens.Length);
            int[] sequence = [.. PromptOf(requests, sample), .. sample.Tokens];
            var logits = Reference.Logits(sequence, new SegmentVisibility([(sequence.Length, -1)]));
            double[] chosen = [.. probes.Select(token => logits[((sequence.Length - 1) * 37) + token])];
            SoftmaxReference.Forward<double>(chosen, chosen, 1, 3);
            Close.Elements("probe", chosen, sample.Probe, [1e-5, 1e-5, 1e-5]);
        }
    }

    [Fact]
    public void Sample_cancelled_stops()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        using var sampler = new Sampler(fast.Model);
        Assert.ThrowsAny<OperationCanceledException>(() => sampler.Sample(Requests, new SamplingOptions(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Sample_beyondTheLastPosition_isRefused()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        var request = new SampleRequest { Prompt = new int[250] };
        Assert.ThrowsAny<ArgumentException>(() => Draw(fast, [request], new SamplingOptions { MaxNewTokens = 20 }));
    }

    private static IReadOnlyList<SampledSequence> Draw(FastModel fast, IReadOnlyList<SampleRequest> requests, SamplingOptions options)
    {
        using var sampler = new Sampler(fast.Model);
        return sampler.Sample(requests, options, TestContext.Current.CancellationToken);
    }

    private static int[] PromptOf(IReadOnlyList<SampleRequest> requests, SampledSequence sample)
    {
        var request = requests[sample.Request];
        return request.Branches.Count == 0 ? request.Prompt : [.. request.Prompt, .. request.Branches[sample.Branch]];
    }

    private static void Same(IEnumerable<SampledSequence> expected, IEnumerable<SampledSequence> actual)
    {
        foreach (var (left, right) in expected.Zip(actual.ToList()))
        {
            Assert.Equal((left.Branch, left.Sample), (right.Branch, right.Sample));
            Assert.Equal(left.Tokens, right.Tokens);
            Close.Bits("log p", left.LogProbabilities, right.LogProbabilities);
        }

        Assert.Equal(expected.Count(), actual.Count());
    }
}
