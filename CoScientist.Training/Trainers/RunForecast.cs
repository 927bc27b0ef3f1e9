using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;

namespace CoScientist.Training.Trainers;

/// <summary>What a run will take of this machine, before it starts.</summary>
/// <param name="Duration">Steps, judged evaluations and the closing one together. The time of model servers is not in it.</param>
/// <param name="Memory">Memory at most, bytes.</param>
/// <param name="Disk">Checkpoints, optimizer state and samples, bytes.</param>
/// <param name="UsesServer">Whether a model server grades or judges, whose time comes on top.</param>
public sealed record RunForecast(TimeSpan Duration, long Memory, long Disk, bool UsesServer)
{
    private const int Sampled = 48;

    // What a sample's line says besides its plan: the goal, and for each item its wording and verdicts.
    private const int BytesPerToken = 6;
    private const int BytesPerItem = 160;

    /// <summary>Adds up the work of a run and divides it by the machine's pace.</summary>
    /// <param name="spec">The run.</param>
    /// <param name="data">On what; plans are taken to be as long as the reference solutions, or as long as allowed where there is none.</param>
    /// <param name="modelDirectory">Folder of the policy.</param>
    /// <param name="readers">Folders of checkpoints that grade or judge, besides the initial policy.</param>
    /// <param name="pace">Measures the machine for a model; asked once.</param>
    /// <exception cref="InvalidDataException">A folder is no checkpoint.</exception>
    public static RunForecast Of(RunSpec spec, RunData data, string modelDirectory, IReadOnlyList<string> readers, Func<Model.ModelConfig, MachinePace> pace)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(readers);
        ArgumentNullException.ThrowIfNull(pace);
        var (config, tokenizer) = CheckpointFolder.Open(modelDirectory);
        IPlanProtocol protocol = spec.Data.Sandbox ? new Sandbox.CompactProtocol(tokenizer) : new PaperPlanProtocol(ChatFormat.Load(modelDirectory, tokenizer, config.VocabularySize));
        var machine = pace(config);
        var sizes = new TextSizes(spec, data, protocol);
        var work = spec.Parts().Select(part => Work.Of(part, spec, sizes)).Aggregate(Work.None, (sum, part) => sum + part);
        var evaluated = ((1 + Evaluations(spec)) * Math.Min(spec.ValidationGoals, Math.Max(1, data.Validation.Count))) + (4L * Math.Min(spec.TestGoals, Math.Max(1, data.Test.Count)));
        work += new Work(0, evaluated * (sizes.Prompt + ((IsLocal(spec.Grader) ? 1 : 0) * sizes.Graded) + ((IsLocal(spec.Judge) ? 1 : 0) * sizes.Graded)), evaluated * sizes.Plan);
        var operations = MachinePace.OperationsPerToken(config);
        var seconds = operations * ((3 * work.Trained / machine.Training) + (work.Read / machine.Reading) + (work.Sampled / machine.Sampling));
        var memory = RunMemory.Of(spec, data, config, protocol, [.. Readers(spec, modelDirectory, readers).Select(directory => CheckpointFolder.Open(directory).Config)], machine.Threads, MachineMemory.AvailableBytes);
        return new RunForecast(TimeSpan.FromSeconds(seconds), memory.Total, DiskOf(spec, config, memory, sizes, evaluated), RunSpec.ServerOf(spec.Grader) is not null || RunSpec.ServerOf(spec.Judge) is not null);
    }

    /// <summary>Judged evaluations after the first.</summary>
    private static int Evaluations(RunSpec spec) => (spec.Steps + spec.EvaluateEvery - 1) / spec.EvaluateEvery;

    private static bool IsLocal(string name) => name != RunSpec.Oracle && RunSpec.ServerOf(name) is null;

    private static IEnumerable<string> Readers(RunSpec spec, string model, IReadOnlyList<string> readers)
    {
        var initial = spec.Grader == RunSpec.InitialGrader || spec.Judge == RunSpec.InitialGrader;
        return (initial ? readers.Prepend(model) : readers).Distinct(StringComparer.Ordinal);
    }

    /// <summary>Every evaluation writes weights in single precision; the optimizer's state is there twice while the new one is written.</summary>
    private static long DiskOf(RunSpec spec, Model.ModelConfig config, RunMemory memory, TextSizes sizes, long evaluated)
    {
        var weights = config.ParameterCount * sizeof(float);
        var adapter = memory.Policy.Adapter;
        var plans = spec.Parts().Sum(part => (long)part.Steps * Work.PlansOf(part.Method, spec)) + evaluated;
        var samples = plans * (((sizes.Prompt + sizes.Plan) * BytesPerToken) + (sizes.Items * BytesPerItem));
        return (Evaluations(spec) * (weights + adapter)) + (2 * memory.Policy.Moments) + (long)samples;
    }

    /// <summary>Mean numbers of tokens, from a few goals.</summary>
    private sealed class TextSizes
    {
        public TextSizes(RunSpec spec, RunData data, IPlanProtocol protocol)
        {
            RunGoal[] goals = [.. (data.Train.Count > 0 ? data.Train : data.Validation).Take(Sampled)];
            Prompt = Mean(goals, goal => protocol.WritePrompt(goal.Text).Length);
            Items = Mean(goals, goal => goal.Items.Count);
            var references = goals.Where(goal => goal.ReferenceSolution is { Length: > 0 }).ToArray();
            Plan = references.Length == 0 ? spec.MaxNewTokens : Math.Min(spec.MaxNewTokens, Mean(references, goal => protocol.PlanTokens(goal.ReferenceSolution!).Length));
            var rubric = Mean(goals, goal => protocol.WriteWithRubricPrompt(goal.Text, [.. goal.Items.Select(item => item.Text)]).Length);
            Taught = rubric;
            Graded = rubric + Plan + (spec.Grading.Reference ? Plan : 0);
        }

        public double Prompt { get; }

        public double Plan { get; }

        public double Items { get; }

        /// <summary>Goal and rubric.</summary>
        public double Taught { get; }

        /// <summary>What a grader reads of one plan.</summary>
        public double Graded { get; }

        private static double Mean(RunGoal[] goals, Func<RunGoal, int> size) => goals.Length == 0 ? 1 : goals.Average(goal => (double)size(goal));
    }

    /// <summary>Tokens trained on, read and drawn.</summary>
    private readonly record struct Work(double Trained, double Read, double Sampled)
    {
        public static Work None { get; }

        public static Work operator +(Work a, Work b) => new(a.Trained + b.Trained, a.Read + b.Read, a.Sampled + b.Sampled);

        public static int PlansOf(string method, RunSpec spec) => method switch
        {
            "grpo" => spec.GoalsPerStep * spec.GroupSize,
            "opsd" => spec.GoalsPerStep * spec.Opsd.PlansPerGoal,
            _ => 0,
        };

        public static Work Of(RunStage part, RunSpec spec, TextSizes sizes)
        {
            var plans = PlansOf(part.Method, spec);
            var group = (spec.GoalsPerStep * sizes.Prompt) + (plans * sizes.Plan);
            var step = part.Method switch
            {
                "sft" => new Work(spec.Sft.GoalsPerStep * (sizes.Prompt + sizes.Plan), 0, 0),
                "dpo" => new Work(spec.Dpo.PairsPerStep * (sizes.Prompt + (2 * sizes.Plan)), spec.Dpo.PairsPerStep * (sizes.Prompt + (2 * sizes.Plan)), 0),
                "opsd" => new Work(group, (spec.GoalsPerStep * (sizes.Prompt + sizes.Taught)) + (plans * sizes.Plan), plans * sizes.Plan),
                _ => new Work(
                    group * spec.Grpo.Epochs,
                    (spec.GoalsPerStep * sizes.Prompt) + (IsLocal(spec.Grader) ? plans * sizes.Graded : 0) + (spec.Grpo.KlCoefficient > 0 ? group : 0),
                    plans * sizes.Plan),
            };
            return new Work(part.Steps * step.Trained, part.Steps * step.Read, part.Steps * step.Sampled);
        }
    }
}
