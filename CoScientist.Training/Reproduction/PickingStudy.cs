using CoScientist.Core.Statistics;

namespace CoScientist.Training.Reproduction;

/// <summary>What picking the best of N plans by the self-grade is worth for one checkpoint.</summary>
/// <param name="Checkpoint">Whose plans.</param>
/// <param name="Curve">Best of N, for the numbers of plans that are shown.</param>
/// <param name="Bias">Upper bound of the upward bias of the highest self-grade, at the same numbers.</param>
public sealed record PickingStudy(string Checkpoint, IReadOnlyList<BestOfNPoint> Curve, IReadOnlyList<MaximumBiasPoint> Bias)
{
    private static readonly int[] Shown = [1, 2, 4, 8, 16];

    /// <summary>The study of an outcome with several plans per goal.</summary>
    internal static PickingStudy Of(ExperimentOutcome outcome) => new(
        outcome.Name,
        [.. BestOfN.Curve([.. outcome.PickFrom.Select(plans => plans.Select(plan => (plan.SelfGrade, plan.Oracle)).ToArray())]).Where(point => Shown.Contains(point.N))],
        [.. MaximumBias.OfHalves([.. outcome.PickFrom.Select(plans => plans.Select(plan => plan.Met).ToArray())]).Where(point => Shown.Contains(point.N))]);
}
