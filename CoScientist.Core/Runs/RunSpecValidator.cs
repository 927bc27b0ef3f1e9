using System.Globalization;
using System.Text.RegularExpressions;
using CoScientist.Core.Goals;

namespace CoScientist.Core.Runs;

/// <summary>Checks a specification as a whole before anything starts.</summary>
public static partial class RunSpecValidator
{
    /// <summary>Training methods that exist.</summary>
    public static IReadOnlyList<string> Methods { get; } = ["sft", "opsd", "grpo", "dpo"];

    /// <summary>The method that stands for several in sequence.</summary>
    public const string Sequence = "sequence";

    /// <summary>What to say of a specification that a later program wrote.</summary>
    internal const string NewerVersion = "must be 1 (a newer version of this program wrote the specification: update this one, or set the run up anew)";

    /// <summary>Layers that can have an adapter.</summary>
    public static IReadOnlyList<string> AdapterModules { get; } = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>Every fault of a specification; empty when it can run.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="knownDomains">Domains the library has; null when they are not known yet.</param>
    public static IReadOnlyList<RunSpecFault> Check(RunSpec spec, IReadOnlyCollection<string>? knownDomains = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var check = new Checks();
        check.That(spec.Version == RunSpec.CurrentVersion, "version", spec.Version, spec.Version > RunSpec.CurrentVersion ? NewerVersion : $"must be {RunSpec.CurrentVersion}: this program reads no other");
        check.That(Name().IsMatch(spec.Name), "name", spec.Name, "must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter or digit");
        check.OneOf("method", spec.Method, [.. Methods, Sequence]);
        CheckStages(spec, check);
        check.That(!string.IsNullOrWhiteSpace(spec.Model), "model", spec.Model, spec.Data.Sandbox ? "must name a checkpoint" : "must name a checkpoint of your own: none comes with the software that can write about real goals");
        CheckGrader("grader", spec.Grader, "must be \"initial\", or name a checkpoint or a model server (\"server:NAME\")", check);
        CheckGrader("judge", spec.Judge, "must name who watches the run and is not its grader: a checkpoint or a model server (\"server:NAME\")", check);
        check.That(
            spec.Grading.Verdicts == VerdictReading.Answer || RunSpec.ServerOf(spec.Grader) is null,
            "grading.verdicts",
            "likelihood",
            "must be \"answer\" with a model server as grader: it does not say how likely its tokens were");
        check.Within("grading.maxNewTokens", spec.Grading.MaxNewTokens);
        check.Within("grading.threshold", spec.Grading.Threshold);
        CheckData(spec, knownDomains, check);
        check.Within("reward.unfinishedPenalty", spec.Reward.UnfinishedPenalty);
        check.Within("reward.malformedPenalty", spec.Reward.MalformedPenalty);
        check.Within("reward.overlongPenalty", spec.Reward.OverlongPenalty);
        check.Within("reward.specificWeight", spec.Reward.SpecificWeight);
        check.That(spec.Reward.SoftLengthTokens >= 0 && spec.Reward.SoftLengthTokens <= spec.MaxNewTokens, "reward.softLengthTokens", spec.Reward.SoftLengthTokens, string.Create(CultureInfo.InvariantCulture, $"must be 0 to {spec.MaxNewTokens}"));
        check.That(
            spec.Reward.LevelValues is [0, .., 1] and { Count: 4 } values && values.Zip(values.Skip(1)).All(pair => pair.First <= pair.Second),
            "reward.levelValues",
            string.Join(", ", spec.Reward.LevelValues),
            "must be four numbers that rise from 0 to 1");
        check.Within("steps", spec.Steps);
        check.Within("goalsPerStep", spec.GoalsPerStep);
        check.Within("groupSize", spec.GroupSize, ": the group's mean is the baseline");
        check.Within("learningRate", spec.LearningRate);
        check.That(spec.WarmupSteps >= 0 && spec.WarmupSteps <= spec.Steps, "warmupSteps", spec.WarmupSteps, "must be 0 to steps");
        check.Within("maxGradNorm", spec.MaxGradNorm);
        check.Within("clipLow", spec.ClipLow);
        check.Within("clipHigh", spec.ClipHigh);
        check.Within("temperature", spec.Temperature);
        check.Within("topP", spec.TopP);
        check.Within("maxNewTokens", spec.MaxNewTokens);
        check.Within("evaluateEvery", spec.EvaluateEvery);
        check.Within("validationGoals", spec.ValidationGoals);
        check.Within("testGoals", spec.TestGoals);
        CheckMethods(spec, check);
        check.Within("threads", spec.Threads);
        return check.Faults;
    }

    /// <summary>What a specification should not say but may: each as a sentence, at its field.</summary>
    public static IReadOnlyList<RunSpecFault> Warnings(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.ModelOf(spec.Judge) == spec.ModelOf(spec.Grader)
            ? [new RunSpecFault("judge", $"is the grader (\"{spec.Judge}\"): a judge that gives the reward sees nothing of its being gamed. Choose another judge, or take the judge's scores for what they are")]
            : [];
    }

    /// <summary>Throws when the specification has a fault.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="source">Where it came from, for the message.</param>
    /// <param name="knownDomains">Domains the library has; null when they are not known yet.</param>
    /// <exception cref="RunSpecException">Names every fault.</exception>
    public static void Require(RunSpec spec, string source, IReadOnlyCollection<string>? knownDomains = null)
    {
        var faults = Check(spec, knownDomains);
        if (faults.Count > 0)
        {
            throw new RunSpecException(source, faults);
        }
    }

    private static void CheckGrader(string path, string name, string demand, Checks check)
    {
        check.That(!string.IsNullOrWhiteSpace(name), path, name, demand);
        check.That(RunSpec.ServerOf(name) is not { } server || !string.IsNullOrWhiteSpace(server), path, name, "must name the model server after \"server:\"");
    }

    private static void CheckStages(RunSpec spec, Checks check)
    {
        check.That(spec.Method == Sequence || spec.Stages.Count == 0, "stages", string.Join(", ", spec.Stages), $"must be empty unless method is \"{Sequence}\"");
        check.That(spec.Method != Sequence || spec.Stages.Count > 0, "stages", "empty", "must name the parts of the sequence, as \"opsd:20\", \"grpo:40\"");
        IReadOnlyList<RunStage> parts;
        try
        {
            parts = spec.Stages.Count == 0 ? [] : spec.Parts();
        }
        catch (FormatException)
        {
            check.That(holds: false, "stages", string.Join(", ", spec.Stages), "must each be a method with its steps, as \"opsd:20\"");
            return;
        }

        foreach (var part in parts)
        {
            check.OneOf("stages", part.Method, Methods);
            check.That(part.Steps > 0, "stages", part.Steps, "must each have a step at least");
        }

        var total = parts.Sum(part => (long)part.Steps);
        check.That(parts.Count == 0 || total == spec.Steps, "steps", spec.Steps, string.Create(CultureInfo.InvariantCulture, $"must be {total}, the sum over stages"));
    }

    private static void CheckMethods(RunSpec spec, Checks check)
    {
        check.Within("grpo.epochs", spec.Grpo.Epochs);
        check.Within("grpo.klCoefficient", spec.Grpo.KlCoefficient);
        check.Within("grpo.entropyBonus", spec.Grpo.EntropyBonus);
        check.Within("grpo.resampleRounds", spec.Grpo.ResampleRounds);
        check.Within("sft.learningRate", spec.Sft.LearningRate);
        check.Within("sft.goalsPerStep", spec.Sft.GoalsPerStep);
        check.Within("opsd.learningRate", spec.Opsd.LearningRate);
        check.Within("opsd.plansPerGoal", spec.Opsd.PlansPerGoal);
        check.Within("opsd.mixture", spec.Opsd.Mixture);
        check.Within("dpo.learningRate", spec.Dpo.LearningRate);
        check.Within("dpo.beta", spec.Dpo.Beta);
        check.Within("dpo.pairsPerStep", spec.Dpo.PairsPerStep);
        check.Within("lora.rank", spec.Lora.Rank);
        check.Within("lora.alpha", spec.Lora.Alpha);
        check.Within("lora.dropout", spec.Lora.Dropout);
        foreach (var module in spec.Lora.Modules)
        {
            check.OneOf("lora.modules", module, AdapterModules);
        }

        check.That(spec.Lora.Rank == 0 || spec.Lora.Modules.Count > 0, "lora.modules", "empty", "must name a layer when lora.rank is above 0");
        check.Within("watch.gap", spec.Watch.Gap);
        check.Within("engine.microBatchTokens", spec.Engine.MicroBatchTokens);
    }

    private static void CheckData(RunSpec spec, IReadOnlyCollection<string>? knownDomains, Checks check)
    {
        var data = spec.Data;
        check.That(data.Sandbox || (spec.Judge != RunSpec.Oracle && spec.Grader != RunSpec.Oracle), "data.sandbox", data.Sandbox, "must be true with the oracle, which knows the sandbox only");
        foreach (var domain in data.Domains.Distinct(StringComparer.Ordinal))
        {
            check.That(
                knownDomains is null ? !string.IsNullOrWhiteSpace(domain) : knownDomains.Contains(domain, StringComparer.Ordinal),
                "data.domains",
                domain,
                knownDomains is null ? "must name domains" : $"must be among {(knownDomains.Count == 0 ? "those of the library, which has none" : string.Join(", ", knownDomains))}");
        }

        check.That(data.Domains.Distinct(StringComparer.Ordinal).Count() == data.Domains.Count, "data.domains", string.Join(", ", data.Domains), "must name each domain once");
        check.That(data.Studies.TrueForAll(study => !string.IsNullOrWhiteSpace(study)), "data.studies", "empty", "must name studies");
        check.That(data.Studies.Distinct(StringComparer.Ordinal).Count() == data.Studies.Count, "data.studies", string.Join(", ", data.Studies), "must name each study once");
        check.That(data.RubricStates.Count > 0, "data.rubricStates", "empty", "must name a state");
        foreach (var state in data.RubricStates.Distinct())
        {
            check.That(
                state is RubricItemState.Proposed or RubricItemState.Approved or RubricItemState.Edited,
                "data.rubricStates",
                state.ToString().ToLowerInvariant(),
                "must be among proposed, approved, edited; rejected items never count");
        }
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,39}\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();

    private sealed class Checks
    {
        public List<RunSpecFault> Faults { get; } = [];

        public void That(bool holds, string path, object value, string demand)
        {
            if (!holds)
            {
                Faults.Add(new RunSpecFault(path, $"{demand}, is {Show(value)}"));
            }
        }

        public void OneOf(string path, string value, IReadOnlyList<string> known) =>
            That(known.Contains(value, StringComparer.Ordinal), path, value, $"must be {string.Join(" or ", known.Select(name => $"\"{name}\""))}");

        public void Within(string path, double value, string reason = "")
        {
            var range = SettingRange.All[path];
            That(range.Holds(value), path, value, $"must be {range}{reason}");
        }

        private static string Show(object value) => value switch
        {
            bool flag => flag ? "true" : "false",
            string text => $"\"{(text.Length > 60 ? text[..60] + "…" : text)}\"",
            IFormattable number => number.ToString(format: null, CultureInfo.InvariantCulture),
            _ => $"{value}",
        };
    }
}
