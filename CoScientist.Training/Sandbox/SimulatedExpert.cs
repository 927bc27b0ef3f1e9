using CoScientist.Core;
using CoScientist.Core.Studies;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// An expert who compares two plans as the oracle does, and gets a given share of the comparisons wrong. Stands for people where
/// the way from their answers to a trained policy is to be measured; whatever comes of it is no human judgment.
/// </summary>
/// <param name="world">The world that the oracle knows.</param>
/// <param name="careless">Share of comparisons in which the other plan is preferred, 0–1.</param>
/// <param name="seed">Draws them.</param>
public sealed class SimulatedExpert(SandboxWorld world, double careless, long seed)
{
    private readonly SeededRandom random = new(seed);

    /// <summary>The account that stands with its answers.</summary>
    public static string IdOf(int number) => FormattableString.Invariant($"simulated-expert-{number}");

    /// <summary>What it says of two plans for a goal: the better one, or both alike where the oracle scores them the same.</summary>
    public PreferenceChoice Compare(SandboxGoal goal, string planA, string planB)
    {
        var (a, b) = (Score(goal, planA), Score(goal, planB));
        var slips = random.NextDouble() < careless;
        return a == b ? PreferenceChoice.Tie : a > b != slips ? PreferenceChoice.A : PreferenceChoice.B;
    }

    private double Score(SandboxGoal goal, string plan) => SandboxOracle.Score(world.Oracle.Judge(goal, plan));
}
