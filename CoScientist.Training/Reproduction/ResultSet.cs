using CoScientist.Core.Statistics;

namespace CoScientist.Training.Reproduction;

/// <summary>One arm against another: where trained, where tested, sampled and greedy side by side.</summary>
/// <param name="Part">Part of the reproduction.</param>
/// <param name="Arm">The arm.</param>
/// <param name="Against">The arm it is compared with.</param>
/// <param name="TrainedOn">Domain it was trained on; "each" for the runs of all domains, each on its own.</param>
/// <param name="TestedOn">Domain of the test goals; "its own", "the others" or "all".</param>
/// <param name="Sampled">With sampled plans.</param>
/// <param name="Greedy">With greedy plans.</param>
/// <param name="Seeds">Each seed's oracle score, sampled and greedy.</param>
/// <param name="TrainingSeconds">Mean seconds of a run in training steps.</param>
public sealed record ArmRow(
    string Part,
    string Arm,
    string Against,
    string TrainedOn,
    string TestedOn,
    Comparison Sampled,
    Comparison Greedy,
    IReadOnlyList<SeedScore> Seeds,
    double TrainingSeconds)
{
    /// <summary>What is left of the advantage of sampled plans at equal lengths; null where it was not asked for.</summary>
    public LengthControlled? EqualLengths { get; init; }
}

/// <summary>Oracle score of one seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Sampled">With sampled plans.</param>
/// <param name="Greedy">With greedy plans.</param>
public sealed record SeedScore(int Seed, double Sampled, double Greedy);

/// <summary>Finds results by arm, domain and seed, and pairs them.</summary>
internal sealed class ResultSet
{
    /// <summary>Added to the name of an arm for its last checkpoint.</summary>
    public const string LastSuffix = " (last)";

    private readonly Dictionary<(string Arm, string? Domain, int Seed), ExperimentOutcome> outcomes = [];

    public ResultSet(IEnumerable<(Experiment Experiment, ExperimentOutcome Outcome)> results)
    {
        foreach (var (experiment, outcome) in results)
        {
            outcomes[(experiment.Arm, experiment.Domain, experiment.Seed)] = outcome;
            if (outcome.Last is { } last)
            {
                outcomes[(experiment.Arm + LastSuffix, experiment.Domain, experiment.Seed)] = outcome with { Picked = last };
            }
        }
    }

    /// <summary>Outcomes of an arm by seed.</summary>
    public IReadOnlyList<(int Seed, ExperimentOutcome Outcome)> Of(string arm, string? domain) =>
        [.. outcomes.Where(entry => entry.Key.Arm == arm && entry.Key.Domain == domain).OrderBy(entry => entry.Key.Seed).Select(entry => (entry.Key.Seed, entry.Value))];

    /// <summary>The comparison over some pairs of domains trained and tested on; null while one of its runs is missing for every seed.</summary>
    public ArmRow? Row(string part, string arm, string against, string trainedOn, string testedOn, IReadOnlyList<(string? TrainedOn, string TestedOn)> cells, bool equalLengths = false)
    {
        var (sampled, greedy, seconds) = (new List<Pair>(), new List<Pair>(), new List<double>());
        foreach (var (domain, tested) in cells)
        {
            var before = sampled.Count;
            foreach (var (seed, outcome) in Of(arm, domain))
            {
                if (Other(against, domain, seed) is { } other)
                {
                    sampled.AddRange(Pairs(seed, outcome.Picked.Sampled, other.Picked.Sampled, tested));
                    greedy.AddRange(Pairs(seed, outcome.Picked.Greedy, other.Picked.Greedy, tested));
                    seconds.Add(outcome.TrainingSeconds);
                }
            }

            if (sampled.Count == before)
            {
                return null;
            }
        }

        var seeds = sampled.GroupBy(pair => pair.Seed)
            .Select(seed => new SeedScore(seed.Key, seed.Average(pair => pair.Plan.Oracle), greedy.Where(pair => pair.Seed == seed.Key).Average(pair => pair.Plan.Oracle)))
            .ToArray();
        return new ArmRow(part, arm, against, trainedOn, testedOn, Comparison.Of(sampled.Select(Plans)), Comparison.Of(greedy.Select(Plans)), seeds, seconds.Average())
        {
            EqualLengths = equalLengths ? LengthControl.Of([.. sampled.GroupBy(pair => pair.Plan.Goal, StringComparer.Ordinal).Select(goal => goal.Select(Lengths).ToArray())]) : null,
        };

        static (PlanScore, PlanScore) Plans(Pair pair) => (pair.Plan, pair.Other);

        static LengthComparison Lengths(Pair pair) =>
            new(WinRate.Points(pair.Plan.Oracle, pair.Other.Oracle), pair.Plan.Oracle - pair.Other.Oracle, pair.Plan.Tokens - pair.Other.Tokens);
    }

    // The base model has no domain; a run is compared with the run of its own domain.
    private ExperimentOutcome? Other(string arm, string? domain, int seed) =>
        outcomes.GetValueOrDefault((arm, domain, seed)) ?? outcomes.GetValueOrDefault((arm, null, seed));

    private static IEnumerable<Pair> Pairs(int seed, IReadOnlyList<PlanScore> plans, IReadOnlyList<PlanScore> others, string tested) =>
        plans.Zip(others, (plan, other) => new Pair(seed, plan, other)).Where(pair => tested == ReproductionReport.AllDomains || pair.Plan.Domain == tested);

    private sealed record Pair(int Seed, PlanScore Plan, PlanScore Other);
}
