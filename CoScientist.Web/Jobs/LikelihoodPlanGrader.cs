using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using PlanToGrade = CoScientist.Core.Storage.PlanToGrade;

namespace CoScientist.Web.Jobs;

/// <summary>A local checkpoint with a chat template whose verdicts are read from the likelihood of a digit; it sees the reference solution.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="role">Capacity.</param>
/// <param name="engine">Its weights; disposed with the grader.</param>
/// <param name="chat">How it is spoken to.</param>
internal sealed class LikelihoodPlanGrader(string name, GraderRole role, IPolicyEngine engine, ChatFormat chat) : PlanGrader(name, role, PaperPrompts.Protocol)
{
    private readonly LikelihoodGrader grader = new(engine, chat, showReference: true);

    public override bool Sandbox => false;

    public override string? PromptVersion => PaperPrompts.ItemGraderVersion;

    public override int BatchSize => 8;

    public override Task<IReadOnlyList<PlanGrade>> GradeAsync(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken) =>
        Task.Run<IReadOnlyList<PlanGrade>>(
            () =>
            {
                var gradings = grader.Grade([.. plans.Select(plan => new Training.Protocols.PlanToGrade(plan.Goal, plan.Plan.Text))], cancellationToken);
                return [.. plans.Zip(gradings, Grade)];
            },
            cancellationToken);

    public override void Dispose()
    {
        engine.Dispose();
        base.Dispose();
    }

    private static PlanGrade Grade(PlanToGrade plan, PlanGrading grading) => grading.Failure is { } failure
        ? PlanGrade.Ungraded(failure)
        : new PlanGrade(grading.Score, [.. grading.Items.Select((item, index) => Verdict(plan, index, item!.Violated, reason: null, item.Probability))]);
}
