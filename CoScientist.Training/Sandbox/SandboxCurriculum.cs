using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Engines;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// Draws the examples that the base model is trained on. Labels come from the world's own rules, which is what makes the
/// base a fair grader later: it has seen the rulebook at work, as a pretrained model has seen the literature.
/// </summary>
internal sealed class SandboxCurriculum(SandboxWorld world, CompactProtocol protocol)
{
    /// <summary>Short of everything: plans of two requirements first, then four, then whole ones. Attention learns to find its passage in little text first.</summary>
    public static int? MostRequirements(double progress) => progress < 0.12 ? 2 : progress < 0.25 ? 4 : null;

    /// <summary>A goal with a plan of the base writer: mediocre on purpose, so that there is something to learn.</summary>
    public TrainingGroup Writing(SeededRandom random)
    {
        var goal = world.SampleGoal(random, GoalSplit.Train);
        var plan = SandboxGrammar.Render(world.Writer.WritePlan(goal, random), random);
        return new TrainingGroup(protocol.WritePrompt(world.GoalText(goal, random)), [new TrainingBranch(protocol.PlanTokens(plan))]);
    }

    /// <summary>
    /// A goal with its rubric and a plan that does what the items ask: the teacher of self-distillation. Items come in any order,
    /// and every second time some are missing, whose requirements are then answered no better than usual; so the teacher learns
    /// to read the items rather than to be good whenever it sees a rubric.
    /// </summary>
    public TrainingGroup Teaching(SeededRandom random)
    {
        var goal = world.SampleGoal(random, GoalSplit.Train);
        var share = random.Next(2) == 0 ? 1 : random.NextDouble();
        var shown = world.Requirements(goal).Where(_ => random.NextDouble() < share).ToList();
        random.Shuffle(shown);
        var plan = SandboxGrammar.Render(world.Writer.FollowRubric(goal, shown, random), random);
        return new TrainingGroup(
            protocol.WriteWithRubricPrompt(world.GoalText(goal, random), [.. shown.Select(requirement => world.ItemText(requirement, random))]),
            [new TrainingBranch(protocol.PlanTokens(plan))]);
    }

    /// <summary>
    /// What a grader is shown besides goal and plan, every fourth time: a reference solution, half of them perfect and half as
    /// authors would report theirs, in other ways than the rubric asks, so that to differ from it is not taken to be wrong.
    /// </summary>
    public string? Reference(SandboxGoal goal, SeededRandom random) => random.NextDouble() switch
    {
        < 0.125 => SandboxGrammar.Render(world.Writer.Reference(goal, random), random),
        < 0.25 => SandboxGrammar.Render(world.Writer.RealisticReference(goal, random), random),
        _ => null,
    };

    /// <summary>A goal, a plan of varied quality with its share of broken sentences, repeats and contradictions, and its rubric.</summary>
    public TrainingGroup Grading(SeededRandom random, int? mostRequirements)
    {
        var goal = world.SampleGoal(random, GoalSplit.Train);
        double? quality = random.NextDouble() < 0.4 ? null : random.NextDouble();
        var plan = world.Writer.WritePlan(goal, random, quality, contradictions: random.NextDouble() < 0.3 ? 0.15 : 0);
        var requirements = world.Requirements(goal).ToList();
        random.Shuffle(requirements);
        if (mostRequirements is { } most && most < requirements.Count)
        {
            requirements.RemoveRange(most, requirements.Count - most);
            plan.RemoveAll(sentence => requirements.TrueForAll(requirement => requirement.Facet != sentence.Facet));
        }

        var text = SandboxGrammar.RenderHastily(plan, random, brokenShare: random.NextDouble() < 0.6 ? 0.13 : 0, repeatShare: 0.1);
        var reference = mostRequirements is null ? Reference(goal, random) : null;
        return Grading(goal, world.GoalText(goal, random), text, reference, requirements, random);
    }

    /// <summary>The rubric of a goal against a given plan, such as one that the model itself has written.</summary>
    public TrainingGroup Grading(SandboxGoal goal, string goalText, string plan, string? reference, IReadOnlyList<SandboxRequirement> requirements, SeededRandom random)
    {
        var reading = SandboxGrammar.Read(plan);
        var branches = requirements.Select(requirement =>
        {
            var verdict = world.Oracle.Judge(requirement, reading);
            var item = protocol.Item(world.ItemText(requirement, random));
            return new TrainingBranch([.. item, .. protocol.QuoteTokens(verdict.Evidence), protocol.VerdictTokens[verdict.Guideline]], item.Length);
        });
        return new TrainingGroup(protocol.GradePrompt(goalText, plan, reference), [.. branches]);
    }
}
