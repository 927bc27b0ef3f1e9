using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>Memory that a run will take at most, by its specification and its longest texts; known before anything large is loaded.</summary>
/// <param name="Policy">The model in training.</param>
/// <param name="Readers">Models that are only read: graders, judge, reference.</param>
/// <param name="ReaderCache">Cached keys and values among them.</param>
/// <param name="CacheBytes">What an engine of the run may cache: all that it writes or grades at once, or what memory leaves.</param>
internal sealed record RunMemory(MemoryEstimate Policy, long Readers, long ReaderCache, long CacheBytes)
{
    // Caches leave some of the memory to others.
    private const double CacheShare = 0.9;

    // The runtime, the compiled code and what a run holds of the library.
    private const long Process = 300L << 20;

    /// <summary>All of it, in bytes.</summary>
    public long Total => Policy.Total + Readers + Process;

    /// <summary>How the engines of a run compute.</summary>
    public static EngineOptions OptionsOf(RunSpec spec) => new()
    {
        Precision = spec.Engine.Precision == RunPrecision.Bf16 ? Precision.Bfloat16 : Precision.Single,
        GradientCheckpointing = spec.Engine.GradientCheckpointing,
        MicroBatchTokens = spec.Engine.MicroBatchTokens,
    };

    /// <summary>The adapter of a run; null when it trains all weights.</summary>
    public static LoraOptions? AdapterOf(RunSpec spec) => spec.Lora.Rank == 0 ? null : new LoraOptions
    {
        Rank = spec.Lora.Rank,
        Alpha = spec.Lora.Alpha,
        Dropout = spec.Lora.Dropout,
        RankStabilised = spec.Lora.RankStabilised,
        TargetModules = spec.Lora.Modules,
        Seed = spec.Seed,
    };

    /// <summary>Estimates a run.</summary>
    /// <param name="spec">What it does.</param>
    /// <param name="data">On what.</param>
    /// <param name="config">Shape of the policy.</param>
    /// <param name="protocol">How it is asked.</param>
    /// <param name="readers">Shapes of the models that are only read, each once.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="available">Bytes that there are. When all plans at once would need more, fewer are written and graded together.</param>
    /// <param name="trains">Whether the policy is trained here; false where it is only read, among the <paramref name="readers"/>.</param>
    public static RunMemory Of(RunSpec spec, RunData data, ModelConfig config, IPlanProtocol protocol, IReadOnlyList<ModelConfig> readers, int threads, long available, bool trains = true)
    {
        var options = OptionsOf(spec);
        RunGoal[] goals = [.. data.Train, .. data.Validation, .. data.Test];
        var prompt = Longest(goals, goal => goal.Text.Length, goal => protocol.WritePrompt(goal.Text).Length);
        var taught = Longest(goals, Written, goal => protocol.WriteWithRubricPrompt(goal.Text, [.. goal.Items.Select(item => item.Text)]).Length);
        var groups = spec.Parts().Select(part => GroupOf(part.Method, spec, data, protocol, prompt)).ToArray();
        var cached = new CachedTokens(spec, data, prompt, taught);
        var all = At(1);
        var over = all.Total - (CacheShare * available);
        return over <= 0 ? all : At(Math.Max(0, 1 - (over / (all.Policy.Cache + all.ReaderCache))));

        RunMemory At(double share)
        {
            var policy = !trains ? MemoryEstimate.Nothing : MemoryEstimate.Of(config, options, new MemoryShape
            {
                TrainedTokens = (int)groups.Max(group => Math.Max(group.Longest, Math.Min(group.Step, spec.Engine.MicroBatchTokens))),
                LongestGroup = groups.Max(group => group.Longest),
                Lora = AdapterOf(spec),
                CachedTokens = cached.OfPolicy(share),
                // Self-distillation reads one goal at a time.
                SeveralPasses = groups.Any(group => group.Step > spec.Engine.MicroBatchTokens) || (spec.GoalsPerStep > 1 && spec.Parts().Any(part => part.Method == "opsd")),
                Threads = threads,
            });
            var read = readers.Select(reader => MemoryEstimate.Of(reader, options, new MemoryShape { ReadOnly = true, CachedTokens = cached.OfReader(share), Threads = threads })).ToArray();
            var most = read.Select(reader => reader.Cache).Append(policy.Cache).Max();

            // Estimated by the longest text; where memory is no matter, one that is cut into more tokens than expected finds room.
            return new RunMemory(policy, read.Sum(reader => reader.Total), read.Sum(reader => reader.Cache), share < 1 ? most : Math.Max(most, options.CacheBytes));
        }
    }

    /// <summary>Refuses a run that does not fit.</summary>
    /// <param name="available">Bytes that there are.</param>
    /// <param name="spec">The run, for the remedies.</param>
    /// <exception cref="InvalidDataException">It does not fit; the message says what takes the memory and what to set.</exception>
    public void Require(long available, RunSpec spec)
    {
        if (Total <= available)
        {
            return;
        }

        string?[] remedies =
        [
            spec.Engine.GradientCheckpointing ? null : "engine.gradientCheckpointing=true",
            spec.Engine.Precision == RunPrecision.Bf16 ? null : "engine.precision=bf16",
            spec.Lora.Rank > 0 ? null : "lora.rank=64",
            "fewer or shorter plans (groupSize, maxNewTokens)",
        ];
        throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"The run needs about {Gigabytes(Total)} GB of memory and {Gigabytes(available)} GB are free: weights {Gigabytes(Policy.Weights + Policy.Adapter)}, gradients and moments {Gigabytes(Policy.Gradients + Policy.Moments)}, activations {Gigabytes(Policy.Activations)}, packed copies and cache {Gigabytes(Policy.Packed + Policy.Cache)}, models that are only read {Gigabytes(Readers)}. Start a run with {string.Join(" or ", remedies.OfType<string>())}, or free memory and resume."));
    }

    /// <summary>Refuses an evaluation that does not fit.</summary>
    /// <param name="available">Bytes that there are.</param>
    /// <param name="remedy">What else can be done.</param>
    /// <exception cref="InvalidDataException">It does not fit; the message says how much it takes, and the remedy.</exception>
    public void RequireReading(long available, string remedy)
    {
        if (Total > available)
        {
            throw new InvalidDataException($"The models that it reads need about {Gigabytes(Total)} GB of memory here, and {Gigabytes(available)} GB are free: {remedy}.");
        }
    }

    /// <summary>For the run's log.</summary>
    public string Describe(long available) => string.Create(CultureInfo.InvariantCulture, $"Memory: about {Gigabytes(Total)} GB at most, of {Gigabytes(available)} GB free.");

    /// <summary>Tokens of the longest group that is trained on together, and of all groups of a step.</summary>
    private static (int Longest, long Step) GroupOf(string method, RunSpec spec, RunData data, IPlanProtocol protocol, int prompt)
    {
        switch (method)
        {
            case "sft":
                var pair = Longest(data.Train, goal => goal.Text.Length + (goal.ReferenceSolution?.Length ?? 0), goal => protocol.WritePrompt(goal.Text).Length + protocol.PlanTokens(goal.ReferenceSolution ?? "").Length);
                return (pair, (long)spec.Sft.GoalsPerStep * pair);
            case "opsd":
                // The teacher's reading is the longer one; student and teacher are read one after the other.
                var taught = Longest(data.Train, Written, goal => protocol.WriteWithRubricPrompt(goal.Text, [.. goal.Items.Select(item => item.Text)]).Length) + (spec.Opsd.PlansPerGoal * spec.MaxNewTokens);
                return (taught, taught);
            case "dpo":
                var compared = Longest(data.Preferences, pair => pair.Goal.Length + pair.Chosen.Length + pair.Rejected.Length, pair => protocol.WritePrompt(pair.Goal).Length + protocol.PlanTokens(pair.Chosen).Length + protocol.PlanTokens(pair.Rejected).Length);
                return (compared, (long)spec.Dpo.PairsPerStep * compared);
            default:
                var group = prompt + (spec.GroupSize * spec.MaxNewTokens);
                return (group, (long)spec.GoalsPerStep * group);
        }
    }

    private static int Written(RunGoal goal) => goal.Text.Length + goal.Items.Sum(item => item.Text.Length);

    /// <summary>Tokens of the longest text, found by its letters: only one is cut into tokens.</summary>
    private static int Longest<T>(IReadOnlyList<T> texts, Func<T, int> letters, Func<T, int> tokens) => texts.Count == 0 ? 1 : tokens(texts.MaxBy(letters)!);

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("F1", CultureInfo.InvariantCulture);
}
