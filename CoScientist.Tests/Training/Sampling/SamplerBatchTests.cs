using System.Text;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Sampling;

/// <summary>What the running batch must not change, and what it must refuse.</summary>
public sealed class SamplerBatchTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly ModelConfig Config = TransformerTests.Awkward;
    private static readonly ReferenceModel Reference = new(Config, 31);

    /// <summary>Bytes of a page of 32 tokens: 3 layers, 2 key-value heads of 6 numbers, values padded to 32.</summary>
    private const long Page = 3L * 2 * 32 * (6 + 32) * sizeof(float);

    public static TheoryData<int, int, int> Limits => new() { { 1, 32, 100 }, { 2, 32, 6 }, { 7, 64, 8 }, { 33, 96, 30 }, { 256, 32, 7 } };

    private static SampleRequest[] Requests =>
    [
        new() { Prompt = TransformerTests.Tokens(45, 37, 1), Count = 5, Seed = 100 },
        new() { Prompt = [5], Seed = 101 },
        new() { Prompt = TransformerTests.Tokens(33, 37, 2), Branches = [TransformerTests.Tokens(3, 37, 3), [7], TransformerTests.Tokens(40, 37, 4)], Count = 2, Seed = 102 },
        new() { Prompt = TransformerTests.Tokens(45, 37, 1), Count = 2, Seed = 103 },
        new() { Prompt = TransformerTests.Tokens(45, 37, 1), Branches = [[4, 4]], Seed = 104 },
        new() { Prompt = TransformerTests.Tokens(64, 37, 5), Count = 3, Seed = 100 },
    ];

    [Theory]
    [MemberData(nameof(Limits))]
    public void Sample_anyRowsPagesAndCache_givesTheSameSamples(int rows, int pageTokens, int cachePages)
    {
        var options = new SamplingOptions { MaxNewTokens = 30, EndTokens = [2, 8], TopP = 0.95, RepetitionPenalty = 1.2, ProbeTokens = [3, 4] };
        using var fast = new FastModel(Config, Reference, pools.All[1]);
        using var free = new Sampler(fast.Model);
        using var tight = new Sampler(fast.Model, limits: new SamplerLimits { Rows = rows, PageTokens = pageTokens, CacheBytes = cachePages * Page * pageTokens / 32 });
        var expected = free.Sample(Requests, options, TestContext.Current.CancellationToken);
        Assert.Equal(18, expected.Count);
        for (var call = 0; call < 2; call++)
        {
            Same(expected, tight.Sample(Requests, options, TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData("qwen3 sliding")]
    [InlineData("qwen2 sliding")]
    [InlineData("experts")]
    [InlineData("yarn")]
    [InlineData("pairs")]
    [InlineData("four")]
    public void Sample_everyFamily_logProbabilitiesAreThoseOfTheTrainingPass(string family)
    {
        var config = family switch
        {
            "pairs" => Config with { Heads = 4, KeyValueHeads = 2, HeadDim = 64 },
            "four" => Config with { Heads = 5, KeyValueHeads = 1, HeadDim = 96 },
            _ => ModelFamilies.Shape(family, Config),
        };
        using var fast = new FastModel(config, new ReferenceModel(config, 8), pools.All[1]);
        using var sampler = new Sampler(fast.Model, limits: new SamplerLimits { Rows = 50 });
        var requests = Requests;
        foreach (var sample in sampler.Sample(requests, new SamplingOptions { MaxNewTokens = 70 }, TestContext.Current.CancellationToken))
        {
            var request = requests[sample.Request];
            int[] prompt = [.. request.Prompt, .. request.Branches.Count == 0 ? [] : request.Branches[sample.Branch]];
            var batch = new TokenBatch();
            batch.Add([.. prompt, .. sample.Tokens]);
            var forward = fast.LogProbabilities(batch, new Targets([.. Enumerable.Range(prompt.Length - 1, sample.Tokens.Length)], sample.Tokens), out _);
            Close.Bits("log p of the training pass", forward, sample.LogProbabilities);
        }
    }

    [Fact]
    public void Sample_requestLargerThanTheCache_isRefusedBeforeAnythingRuns()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        using var sampler = new Sampler(fast.Model, limits: new SamplerLimits { CacheBytes = 3 * Page });
        SampleRequest[] requests = [new() { Prompt = [1] }, new() { Prompt = new int[70] }];
        var error = Assert.ThrowsAny<ArgumentException>(() => sampler.Sample(requests, new SamplingOptions { MaxNewTokens = 40 }, TestContext.Current.CancellationToken));
        Assert.Contains("Request 1 needs", error.Message, StringComparison.Ordinal);
        Assert.Contains("CacheBytes", error.Message, StringComparison.Ordinal);
        Assert.Single(sampler.Sample(requests[..1], new SamplingOptions { MaxNewTokens = 40 }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Sample_cancelledHalfWay_leavesTheSamplerReadyForTheNextCall()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        using var cancellation = new CancellationTokenSource();
        // The text of a token is asked for after each draw: a place to cancel in the middle.
        var drawn = 0;
        using var sampler = new Sampler(fast.Model, _ => Cancel(), new SamplerLimits { CacheBytes = 8 * Page });
        Assert.ThrowsAny<OperationCanceledException>(() => sampler.Sample(Requests, new SamplingOptions { MaxNewTokens = 30, StopStrings = ["never"] }, cancellation.Token));
        using var fresh = new Sampler(fast.Model);
        var options = new SamplingOptions { MaxNewTokens = 20 };
        Same(fresh.Sample(Requests, options, TestContext.Current.CancellationToken), sampler.Sample(Requests, options, TestContext.Current.CancellationToken));

        ReadOnlySpan<byte> Cancel()
        {
            if (++drawn == 12)
            {
                cancellation.Cancel();
            }

            return "a"u8;
        }
    }

    [Fact]
    public void Sample_stopString_endsTheSampleAndKeepsTheTextBefore()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        // Token t is written as one letter; 'b' after any letter stops.
        byte[] letters = Encoding.ASCII.GetBytes("abcdefghijklmnopqrstuvwxyzABCDEFGHIJK");
        using var sampler = new Sampler(fast.Model, token => letters.AsSpan(token, 1));
        var free = sampler.Sample(Requests, new SamplingOptions { MaxNewTokens = 60 }, TestContext.Current.CancellationToken);
        var stop = Text(free[0].Tokens[20..23]);
        var stopped = sampler.Sample(Requests, new SamplingOptions { MaxNewTokens = 60, StopStrings = [stop, "never drawn"] }, TestContext.Current.CancellationToken);
        Assert.Equal(FinishReason.StopString, stopped[0].Finish);
        foreach (var (whole, cut) in free.Zip(stopped))
        {
            var at = Text(whole.Tokens).IndexOf(stop, StringComparison.Ordinal);
            Assert.Equal(at < 0 ? null : Text(whole.Tokens)[..at], cut.TextBeforeStop);
            Assert.Equal(at < 0 ? whole.Tokens : whole.Tokens[..(at + 3)], cut.Tokens);
            Assert.Equal(at >= 0, cut.Ended);
        }

        string Text(int[] tokens) => string.Concat(tokens.Select(token => (char)letters[token]));
    }

    [Fact]
    public void Sample_repetitionPenalty_takesTheLikeliestAfterItAndReportsProbabilitiesBeforeIt()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        using var sampler = new Sampler(fast.Model);
        int[] prompt = [3, 1, 4, 1, 5];
        var sample = Assert.Single(sampler.Sample([new() { Prompt = prompt }], new SamplingOptions { Temperature = 0, MaxNewTokens = 20, RepetitionPenalty = 1.5 }, TestContext.Current.CancellationToken));
        int[] sequence = [.. prompt, .. sample.Tokens];
        var logits = Reference.Logits(sequence, new SegmentVisibility([(sequence.Length, -1)]));
        for (var i = 0; i < sample.Tokens.Length; i++)
        {
            var row = logits.AsSpan((prompt.Length - 1 + i) * 37, 37).ToArray();
            double[] penalised = [.. row.Select((x, token) => !sequence[..(prompt.Length + i)].Contains(token) ? x : x > 0 ? x / 1.5 : x * 1.5)];
            Assert.Equal(Array.IndexOf(penalised, penalised.Max()), sample.Tokens[i]);
            Assert.Equal(row[sample.Tokens[i]] - Math.Log(row.Sum(Math.Exp)), sample.LogProbabilities[i], 1e-4);
        }
    }

    [Fact]
    public void Sample_moreTokens_allocatesOnlyTheResult()
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        using var sampler = new Sampler(fast.Model);
        const int Samples = 4;
        SampleRequest[] requests = [new() { Prompt = TransformerTests.Tokens(40, 37, 1), Count = Samples }];
        _ = Allocated(120);
        var (few, many) = (Allocated(20), Allocated(120));
        // A token and its log-probability, while it grows and in the result; page numbers are a few more bytes.
        var results = (long)Samples * 100 * 2 * (sizeof(int) + sizeof(float));
        Assert.InRange(many - few, 0, results + (Samples * 64));

        long Allocated(int tokens)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            _ = sampler.Sample(requests, new SamplingOptions { MaxNewTokens = tokens }, TestContext.Current.CancellationToken);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void Validate_badOptions_namesEveryFaultAtOnce()
    {
        var options = new SamplingOptions
        {
            Temperature = double.NaN, TopK = -1, TopP = 0, MinP = 2, RepetitionPenalty = 0, MaxNewTokens = -1, EndTokens = [37], BannedTokens = [-1], ProbeTokens = [99], StopStrings = ["", "\ud800"],
        };
        var message = Assert.Throws<ArgumentException>(() => options.Validate(37)).Message;
        foreach (var part in new[] { "Temperature (NaN)", "TopK (-1)", "TopP (0)", "MinP (2)", "RepetitionPenalty (0)", "MaxNewTokens (-1)", "EndTokens holds 37", "BannedTokens holds -1", "ProbeTokens holds 99", "an empty text", "half a character" })
        {
            Assert.Contains(part, message, StringComparison.Ordinal);
        }

        Assert.Contains("every token", Assert.Throws<ArgumentException>(() => new SamplingOptions { BannedTokens = [.. Enumerable.Range(0, 37)] }.Validate(37)).Message, StringComparison.Ordinal);
        new SamplingOptions().Validate(37);
    }

    [Theory]
    [InlineData(0, 32)]
    [InlineData(8, 16)]
    [InlineData(8, 48)]
    public void Sampler_badLimits_areRefused(int rows, int pageTokens)
    {
        using var fast = new FastModel(Config, Reference, pools.Single);
        Assert.Throws<ArgumentException>(() => new Sampler(fast.Model, limits: new SamplerLimits { Rows = rows, PageTokens = pageTokens }));
    }

    private static void Same(IReadOnlyList<SampledSequence> expected, IReadOnlyList<SampledSequence> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (left, right) in expected.Zip(actual))
        {
            Assert.Equal((left.Request, left.Branch, left.Sample, left.Finish), (right.Request, right.Branch, right.Sample, right.Finish));
            Assert.Equal(left.Tokens, right.Tokens);
            Close.Bits("log p", left.LogProbabilities, right.LogProbabilities);
            Close.Bits("probe", left.Probe, right.Probe);
        }
    }
}
