using CoScientist.Training.Protocols;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// The oracle in the place of a grader or judge. Its score covers everything that the world asks for, whatever reviewers did to
/// the items; verdicts are given for the items that still count.
/// </summary>
/// <param name="world">The world it knows.</param>
public sealed class OracleGrader(SandboxWorld world) : IPlanGrader
{
    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">A goal is none of the world's.</exception>
    public IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken) => [.. plans.Select(Grade)];

    private PlanGrading Grade(PlanToGrade plan)
    {
        var verdicts = world.Oracle.Judge(SandboxGoal.OfKey(plan.Goal.ExternalKey, plan.Goal.Id), plan.Text);
        return plan.Goal.Items.All(item => item.Order < verdicts.Count)
            ? new PlanGrading([.. plan.Goal.Items.Select(item => CompactGrader.Verdict(verdicts[item.Order].Guideline))], SandboxOracle.Score(verdicts))
            : PlanGrading.Ungraded(plan, $"the goal has items that the sandbox's world does not know; it knows {verdicts.Count}");
    }
}
