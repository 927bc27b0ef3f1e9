using CoScientist.Core.Runs;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>The fixed list of experiments behind the results document.</summary>
public static class ExperimentList
{
    /// <summary>Arm of the paper's method, which the others are compared with.</summary>
    public const string Grpo = "grpo";

    /// <summary>Arm of the two methods in sequence.</summary>
    public const string Sequence = "opsd-grpo";

    /// <summary>The base model under the weak grader.</summary>
    public const string WeakBase = "base-weak-grader";

    /// <summary>Arm of the runs against the weak grader.</summary>
    public const string Hacked = "hacked";

    /// <summary>The domain of ablations, reward hacking and the review study.</summary>
    public const string StudyDomain = "ml";

    /// <summary>Arms that the domains and seeds are crossed with, in the order of the tables.</summary>
    public static IReadOnlyList<string> Methods { get; } = ["sft-perfect", "sft-realistic", "opsd", Grpo, Sequence];

    /// <summary>All experiments, in the order in which they run.</summary>
    public static IReadOnlyList<Experiment> Of(ReproductionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. Bases(options, weak: false), .. MethodRuns(options), .. Review(options), .. Ablations(options), .. Bases(options, weak: true), .. Hacking(options)];
    }

    private static IEnumerable<Experiment> Bases(ReproductionOptions options, bool weak) =>
        from seed in options.Seeds
        select new Experiment
        {
            Part = weak ? "hacking" : "base",
            Arm = weak ? WeakBase : "base",
            Seed = seed,
            Weak = weak,
            PlansToPickFrom = !weak && seed == options.Seeds[0] ? options.PlansToPickFrom : 0,
        };

    private static IEnumerable<Experiment> MethodRuns(ReproductionOptions options) =>
        from seed in options.Seeds
        from domain in SandboxWorld.Domains
        from arm in Methods
        select new Experiment
        {
            Part = "methods",
            Arm = arm,
            Seed = seed,
            Spec = Spec(options, SpecOf(arm), arm, domain, seed),

            // Where training makes plans worse the judge picks an early checkpoint: the last one says so.
            MeasuresLast = arm is not (Grpo or Sequence),
            PlansToPickFrom = arm == Grpo && domain == StudyDomain && seed == options.Seeds[0] ? options.PlansToPickFrom : 0,
        };

    private static RunSpec SpecOf(string arm) => arm switch
    {
        "sft-perfect" => Preset("sandbox-sft"),
        "sft-realistic" => Preset("sandbox-sft") with { Data = new RunDataSpec { References = ReferenceKind.Realistic } },
        "opsd" => Preset("sandbox-opsd"),
        Sequence => Preset("sandbox-opsd-grpo"),
        _ => Preset("sandbox-grpo"),
    };

    private static IEnumerable<Experiment> Ablations(ReproductionOptions options)
    {
        var grpo = Preset("sandbox-grpo");
        (string Arm, RunSpec Spec)[] changes =
        [
            ("group-4", grpo with { GroupSize = 4, GoalsPerStep = grpo.GoalsPerStep * grpo.GroupSize / 4 }),
            ("group-16", grpo with { GroupSize = 16, GoalsPerStep = grpo.GoalsPerStep * grpo.GroupSize / 16 }),
            ("kl-0.01", grpo with { Grpo = grpo.Grpo with { KlCoefficient = 0.01 } }),
            ("kl-0.1", grpo with { Grpo = grpo.Grpo with { KlCoefficient = 0.1 } }),
            ("std-scaling", grpo with { Grpo = grpo.Grpo with { Scaling = AdvantageScaling.Group } }),
            ("length-penalty", grpo with { Reward = grpo.Reward with { SoftLengthTokens = 60 } }),
            ("reference-shown", grpo with { Grading = grpo.Grading with { Reference = true } }),
            ("weak-grader", grpo with { Grader = WeakGrader.Name }),
        ];
        return
            from change in changes
            from seed in options.Seeds
            select new Experiment
            {
                Part = "ablations",
                Arm = change.Arm,
                Seed = seed,
                Spec = Spec(options, change.Spec, change.Arm, StudyDomain, seed),
                Weak = change.Spec.Grader == WeakGrader.Name,
            };
    }

    private static IEnumerable<Experiment> Hacking(ReproductionOptions options) =>
        from seed in options.Seeds
        select new Experiment
        {
            Part = "hacking",
            Arm = Hacked,
            Seed = seed,
            Spec = Spec(options, Preset("sandbox-grpo") with { Grader = WeakGrader.Name, Steps = options.HackingSteps, EvaluateEvery = 5 }, Hacked, StudyDomain, seed),
            Weak = true,
            MeasuresLast = true,
        };

    private static IEnumerable<Experiment> Review(ReproductionOptions options) =>
        from seed in options.Seeds
        from rubrics in (RubricCare[])[RubricCare.Spoiled, RubricCare.Reviewed, RubricCare.ReviewedCarelessly]
        let arm = ArmOf(rubrics)
        select new Experiment
        {
            Part = "review",
            Arm = arm,
            Seed = seed,
            Spec = Spec(options, Preset("sandbox-grpo"), arm, StudyDomain, seed),
            Rubrics = rubrics,
        };

    /// <summary>Name of an arm of the review study; its clean arm is <see cref="Grpo"/>.</summary>
    public static string ArmOf(RubricCare rubrics) => rubrics switch
    {
        RubricCare.Spoiled => "spoiled",
        RubricCare.Reviewed => "reviewed",
        RubricCare.ReviewedCarelessly => "reviewed-carelessly",
        _ => Grpo,
    };

    private static RunSpec Preset(string name) => RunPresets.Find(name)?.Spec ?? throw new InvalidOperationException($"The preset {name} is gone.");

    /// <summary>The run of an arm. Its own closing evaluation is cut to one goal: the reproduction measures every checkpoint itself, and the base once for all.</summary>
    private static RunSpec Spec(ReproductionOptions options, RunSpec spec, string arm, string domain, int seed) =>
        options.Adjust(spec with { Name = arm, Seed = seed, TestGoals = 1, Data = spec.Data with { Domains = [domain] } });
}
