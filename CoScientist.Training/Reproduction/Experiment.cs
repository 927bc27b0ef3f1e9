using CoScientist.Core.Runs;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>Whose hands the training rubrics went through before a run.</summary>
public enum RubricCare
{
    /// <summary>The sandbox's own rubrics.</summary>
    Clean,

    /// <summary>A share of the items spoiled (<see cref="RubricSpoiler"/>), and nobody looked.</summary>
    Spoiled,

    /// <summary>Spoiled, then reviewed without a mistake (<see cref="SimulatedReviewer"/>).</summary>
    Reviewed,

    /// <summary>Spoiled, then reviewed with one decision in ten wrong.</summary>
    ReviewedCarelessly,
}

/// <summary>One run of the reproduction, or the measurement of the base model.</summary>
public sealed record Experiment
{
    /// <summary>Parts of the reproduction, in the order in which they run.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["base", "methods", "review", "ablations", "hacking"];

    /// <summary>Which part it belongs to.</summary>
    public required string Part { get; init; }

    /// <summary>What is compared: "grpo", "group-4".</summary>
    public required string Arm { get; init; }

    /// <summary>Seed of training and of the measured plans.</summary>
    public required int Seed { get; init; }

    /// <summary>The run; null measures the base model itself.</summary>
    public RunSpec? Spec { get; init; }

    /// <summary>The training rubrics.</summary>
    public RubricCare Rubrics { get; init; } = RubricCare.Clean;

    /// <summary>Whether the weak grader (<see cref="WeakGrader"/>) takes the place of the frozen initial policy.</summary>
    public bool Weak { get; init; }

    /// <summary>Whether the last checkpoint is measured besides the one that the judge picks.</summary>
    public bool MeasuresLast { get; init; }

    /// <summary>Plans for each goal of the best-of-N measurement; 0 leaves it out.</summary>
    public int PlansToPickFrom { get; init; }

    /// <summary>The domain it trains on; null for the base model.</summary>
    public string? Domain => Spec is { Data.Domains: [var only] } ? only : null;

    /// <summary>Its name, also its folder: "grpo-ml-1".</summary>
    public string Name => string.Join('-', ((string?[])[Arm, Domain, $"{Seed}"]).OfType<string>());

    /// <summary>About how long it takes, in seconds on two idle cores: for the estimate of the time left only.</summary>
    public double Cost
    {
        get
        {
            var measurements = (PlansToPickFrom > 0 ? 10 : 0) + (MeasuresLast ? 10 : 5);
            return measurements + (Spec is null ? 0 : Spec.Parts().Sum(stage => stage.Steps * CostOf(stage.Method)) + (1.0 * Spec.Steps / Spec.EvaluateEvery));
        }
    }

    private static double CostOf(string method) => method switch { "sft" => 0.25, "opsd" => 0.4, _ => 0.7 };
}

/// <summary>How large a reproduction is. The defaults are those of the results document; tests take less.</summary>
public sealed record ReproductionOptions
{
    /// <summary>Seeds of every run.</summary>
    public IReadOnlyList<int> Seeds { get; init; } = [1, 2, 3];

    /// <summary>Held-out goals that every checkpoint is measured on, all domains in equal parts.</summary>
    public int TestGoals { get; init; } = 300;

    /// <summary>Goals of the best-of-N measurement, the first of those.</summary>
    public int PickGoals { get; init; } = 100;

    /// <summary>Plans for each of them.</summary>
    public int PlansToPickFrom { get; init; } = 16;

    /// <summary>Steps of the runs against the weak grader.</summary>
    public int HackingSteps { get; init; } = 100;

    /// <summary>How the weak grader is built.</summary>
    public SandboxBuildOptions WeakBuild { get; init; } = WeakGrader.Build;

    /// <summary>Share of training items that the review study spoils.</summary>
    public double SpoiledShare { get; init; } = 0.3;

    /// <summary>Share of wrong decisions of the careless reviewer.</summary>
    public double WrongShare { get; init; } = 0.1;

    /// <summary>Changes every specification, after which it must still be valid. Default: none.</summary>
    public Func<RunSpec, RunSpec> Adjust { get; init; } = spec => spec;
}
