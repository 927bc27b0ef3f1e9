using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;
using FinishReason = CoScientist.Training.Sampling.FinishReason;

namespace CoScientist.Tests.Training.Engines.Contracts;

/// <summary>What every engine that is read must do, whatever it computes with.</summary>
public abstract class SamplingContract : IDisposable
{
    protected static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 257, ["<end>"]);

    protected static readonly ModelConfig Config = new()
    {
        VocabularySize = Tokenizer.VocabularySize + 5,
        HiddenSize = 24,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 6,
        FeedForwardSize = 40,
        MaxPositions = 256,
    };

    protected static readonly SamplingOptions Options = new() { Temperature = 0.8, BannedTokens = [2, 200] };

    private readonly TemporaryFolder folder = new();

    /// <summary>Largest error of a log-probability, relative to 1 + its size: of sums in single precision, in whatever order.</summary>
    protected virtual double Tolerance => 1e-5;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen2")]
    [InlineData("llama 3")]
    [InlineData("yarn")]
    [InlineData("experts normalised")]
    public void Sample_anyFamily_readsTheDistributionsOfTheModel(string family)
    {
        var config = ModelFamilies.Shape(family, Config);
        var model = new ReferenceModel(config, 61);
        using var engine = Open(Write(model, config));
        int[] prompt = Tokens(40, 1);
        int[][] branches = [Tokens(3, 2), Tokens(17, 3)];
        var samples = engine.Sample(
            [new() { Prompt = prompt, Branches = branches, Count = 2, Seed = 5 }, new() { Prompt = [7], Seed = 6 }],
            Options with { MaxNewTokens = 12, ProbeTokens = [65, 66, 67] },
            Cancellation);

        Assert.Equal([(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0)], samples.Select(sample => (sample.Request, sample.Branch, sample.Sample)));
        Assert.NotEqual(samples[0].Tokens, samples[1].Tokens);
        var reference = new DistributionReference(config, Options);
        foreach (var sample in samples)
        {
            int[] read = sample.Request == 1 ? [7] : [.. prompt, .. branches[sample.Branch]];
            var expected = reference.LogProbabilities(model, read, new(sample.Tokens));
            Close.Elements($"log p of {family}", expected, sample.LogProbabilities, Bounds(expected));
            Assert.DoesNotContain(sample.Tokens, Options.BannedTokens.Contains);

            // Temperature belongs to what is drawn; a probe is read of the same distribution.
            var next = reference.Distributions(model, [.. read, .. sample.Tokens], new([0]))[0];
            var all = next[65] + next[66] + next[67];
            Close.Elements("probe", [next[65] / all, next[66] / all, next[67] / all], sample.Probe, [Tolerance, Tolerance, Tolerance]);
        }
    }

    public static TheoryData<string> Ways => ["plain", "greedy", "filtered", "penalised"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Sample_sameSeed_drawsWhatTheManagedEngineDraws(string way)
    {
        var options = way switch
        {
            "greedy" => Options with { Temperature = 0 },
            "filtered" => Options with { TopK = 40, TopP = 0.9, MinP = 0.01 },
            "penalised" => Options with { RepetitionPenalty = 1.3 },
            _ => Options,
        } with { MaxNewTokens = 20 };
        var path = Write(new ReferenceModel(Config, 62), Config);
        SampleRequest[] requests = [new() { Prompt = Tokens(30, 4), Count = 3, Seed = 8 }, new() { Prompt = Tokens(5, 5), Branches = [Tokens(2, 6), Tokens(9, 7)], Seed = 9 }];
        using var pool = new WorkerPool(1);
        using var managed = CpuEngine.Load(path, pool);
        using var engine = Open(path);

        var expected = managed.Sample(requests, options, Cancellation).Select(sample => sample.Tokens);
        Assert.Equal(expected, engine.Sample(requests, options, Cancellation).Select(sample => sample.Tokens));
        Assert.Equal(expected, engine.Sample(requests, options, Cancellation).Select(sample => sample.Tokens));
    }

    [Fact]
    public void Sample_endTokenOrStopText_endsThere()
    {
        using var engine = Open(Write(new ReferenceModel(Config, 63), Config));
        SampleRequest[] request = [new() { Prompt = Tokens(10, 8), Seed = 3 }];

        // Letters and signs only, so that every token is a text.
        int[] banned = [.. Enumerable.Range(0, Config.VocabularySize).Where(token => token >= Tokenizer.VocabularySize || Tokenizer.Decode([token], skipSpecial: true) is not [> ' ' and < (char)127])];
        var options = Options with { MaxNewTokens = 24, BannedTokens = banned };
        var whole = Assert.Single(engine.Sample(request, options, Cancellation));
        Assert.Equal(FinishReason.Length, whole.Finish);
        var at = Enumerable.Range(4, 20).First(i => !whole.Tokens[..i].Contains(whole.Tokens[i]));

        var ended = Assert.Single(engine.Sample(request, options with { EndTokens = [whole.Tokens[at]] }, Cancellation));
        Assert.Equal((FinishReason.EndToken, at + 1), (ended.Finish, ended.Tokens.Length));
        Assert.Equal(whole.Tokens[..(at + 1)], ended.Tokens);

        var stopped = Assert.Single(engine.Sample(request, options with { StopStrings = [Tokenizer.Decode([whole.Tokens[at]], skipSpecial: true)] }, Cancellation));
        Assert.Equal(FinishReason.StopString, stopped.Finish);
        Assert.Equal(Tokenizer.Decode(whole.Tokens[..at], skipSpecial: true), stopped.TextBeforeStop);
    }

    [Fact]
    public void Sample_whatMakesNoSense_isRefusedByName()
    {
        using var engine = Open(Write(new ReferenceModel(Config, 64), Config));
        Assert.Contains("Request 1 holds the token", Refused([new() { Prompt = [1] }, new() { Prompt = [Config.VocabularySize] }], Options), StringComparison.Ordinal);
        Assert.Contains("without tokens", Refused([new() { Prompt = [] }], Options), StringComparison.Ordinal);
        Assert.Contains("leaves no room", Refused([new() { Prompt = Tokens(200, 9) }], Options), StringComparison.Ordinal);
        Assert.Contains("TopP", Refused([new() { Prompt = [1] }], Options with { TopP = 0 }), StringComparison.Ordinal);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => engine.Sample([new() { Prompt = [1] }], Options, cancelled.Token));

        string Refused(SampleRequest[] requests, SamplingOptions options) => Assert.Throws<ArgumentException>(() => engine.Sample(requests, options, Cancellation)).Message;
    }

    [Fact]
    public async Task CompleteAsync_chatModel_answersInOrderToStopAndLength()
    {
        var path = PaperPolicy.Write(folder.File("chat"), 65);
        using var engine = Open(path);
        var model = new LocalTextModel("model", engine, PaperPolicy.Chat(path));
        TextPrompt[] prompts = [new("Be brief.", "Why?"), new("", "A plan, please: <|im_end|>"), new("Be brief.", "Why?")];
        var sampling = new TextSamplingOptions { Temperature = 0.7, MaxTokens = 24, Seed = 4 };

        var answers = await model.CompleteAsync(prompts, sampling, Cancellation);
        var again = await model.CompleteAsync(prompts, sampling, Cancellation);
        var greedy = await model.CompleteAsync(prompts, sampling with { Temperature = 0 }, Cancellation);

        Assert.Equal(answers, again);
        Assert.Equal(greedy[0], greedy[2]);
        Assert.NotEqual(answers[0].Text, answers[2].Text);
        Assert.All(answers, answer => Assert.Equal(answer.Finish == CoScientist.Core.TextModels.FinishReason.Length, answer.CompletionTokens == 24));
        Assert.Equal(answers[0].PromptTokens, answers[2].PromptTokens);
        var stop = answers[0].Text[5..7];
        var stopped = (await model.CompleteAsync(prompts[..1], sampling with { Stop = [stop] }, Cancellation))[0];
        Assert.Equal(answers[0].Text[..answers[0].Text.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
    }

    /// <summary>The engine around a checkpoint.</summary>
    protected abstract ISamplingEngine Open(string directory);

    protected double[] Bounds(double[] expected) => [.. expected.Select(value => Tolerance * (1 + Math.Abs(value)))];

    /// <summary>A file or folder that the test may write.</summary>
    protected string PathOf(string name) => folder.File(name);

    /// <summary>Seeded tokens without the banned ones.</summary>
    protected static int[] Tokens(int count, long seed) => [.. TransformerTests.Tokens(count, Config.VocabularySize, seed).Select(token => Options.BannedTokens.Contains(token) ? 7 : token)];

    /// <summary>The model as a checkpoint.</summary>
    internal string Write(ReferenceModel model, ModelConfig config)
    {
        var path = folder.File(Guid.NewGuid().ToString("N"));
        using var pool = new WorkerPool(1);
        using var engine = new CpuEngine(config, Tokenizer, pool);
        model.CopyTo(engine.Weights);
        engine.Save(path, new Dictionary<string, string>(StringComparer.Ordinal));
        return path;
    }
}
