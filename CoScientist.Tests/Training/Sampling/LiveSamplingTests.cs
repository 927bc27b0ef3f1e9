using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Training.Sampling;

public sealed class LiveSamplingTests : IDisposable
{
    private readonly WorkerPool pool = new(2);
    private readonly CpuEngine engine;

    public LiveSamplingTests()
    {
        engine = new CpuEngine(PaperPolicy.Config, PaperPolicy.Tokenizer, pool);
        engine.Weights.Initialise(PaperPolicy.Config, 3);
        engine.WeightsChanged();
    }

    public void Dispose()
    {
        engine.Dispose();
        pool.Dispose();
    }

    [Fact]
    public void SampleLive_RequestsThatJoinWhileOthersRun_DrawWhatTheyDrawAlone()
    {
        SamplingOptions[] options =
        [
            new() { Temperature = 1, MaxNewTokens = 40 },
            new() { Temperature = 0, MaxNewTokens = 25 },
            new() { Temperature = 0.7, TopP = 0.8, TopK = 50, RepetitionPenalty = 1.2, MaxNewTokens = 30, BannedTokens = [5, 6] },
            new() { Temperature = 1, MaxNewTokens = 60, StopStrings = ["e"] },
            new() { Temperature = 1, MaxNewTokens = 1 },
        ];
        int[] prompt = [10, 11, 12, 13, 14, 15, 16];
        var live = options.Select((how, i) => new Recorder(new SampleRequest { Prompt = prompt[..(i + 2)], Seed = i }, how)).ToArray();
        var step = 0;

        // One joins at every third step.
        engine.SampleLive(() => step++ % 3 == 0 && step / 3 < live.Length ? [live[step / 3].Request] : [], TestContext.Current.CancellationToken);

        foreach (var recorder in live)
        {
            var alone = Assert.Single(engine.Sample([recorder.Request.Request], recorder.Request.Options, TestContext.Current.CancellationToken));
            Assert.Equal(alone.Tokens, recorder.Done!.Tokens);
            Assert.Equal(alone.LogProbabilities, recorder.Done.LogProbabilities);
            Assert.Equal((alone.Finish, alone.TextBeforeStop), (recorder.Done.Finish, recorder.Done.TextBeforeStop));
            Assert.Equal(alone.Tokens, recorder.Tokens);
        }
    }

    [Fact]
    public void SampleLive_MalformedOrCancelled_EndsAloneAndTheOthersGoOn()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var options = new SamplingOptions { MaxNewTokens = 20 };
        Recorder[] live =
        [
            new(new SampleRequest { Prompt = [1] }, options),
            new(new SampleRequest { Prompt = [] }, options),
            new(new SampleRequest { Prompt = [1] }, options with { MaxNewTokens = 1 << 20 }),
            new(new SampleRequest { Prompt = [1], Count = 2 }, options),
            new(new SampleRequest { Prompt = [1] }, options, cancelled.Token),
        ];
        var given = false;

        engine.SampleLive(
            () =>
            {
                (var before, given) = (given, true);
                return before ? [] : [.. live.Select(recorder => recorder.Request)];
            },
            TestContext.Current.CancellationToken);

        Assert.Equal([20, null, null, null, 1], live.Select(recorder => recorder.Done?.Tokens.Length));
        Assert.Equal([false, true, true, true, false], live.Select(recorder => recorder.Refused is ArgumentException));
    }

    private sealed class Recorder
    {
        public Recorder(SampleRequest request, SamplingOptions options, CancellationToken cancelled = default) =>
            Request = new LiveRequest(request, options, (token, _) => Tokens.Add(token), whole => Done = whole, fault => Refused = fault, cancelled);

        public LiveRequest Request { get; }

        public List<int> Tokens { get; } = [];

        public SampledSequence? Done { get; private set; }

        public Exception? Refused { get; private set; }
    }
}
