using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;

namespace CoScientist.Web.Jobs;

/// <summary>A grading fresh from its grader.</summary>
/// <param name="Score">Share of items met by their weights; null when ungraded.</param>
/// <param name="Verdicts">One per item; empty when ungraded.</param>
/// <param name="Failure">Why it is ungraded; null when it is not.</param>
/// <param name="Weaknesses">What the grader said of the whole plan, where it says anything.</param>
internal sealed record PlanGrade(double? Score, IReadOnlyList<Verdict> Verdicts, string? Failure = null, string? Weaknesses = null)
{
    public static PlanGrade Ungraded(string reason) => new(null, [], reason);
}

/// <summary>Who grades plans: the sandbox's oracle, a checkpoint or a model server.</summary>
internal abstract class PlanGrader(string name, GraderRole role, string protocol) : IDisposable
{
    /// <summary>Name recorded with the gradings.</summary>
    public string Name { get; } = name;

    /// <summary>Capacity recorded with the gradings.</summary>
    public GraderRole Role { get; } = role;

    /// <summary>Protocol recorded with the gradings.</summary>
    public string Protocol { get; } = protocol;

    /// <summary>Whether it grades plans for the sandbox's goals, or for real ones.</summary>
    public abstract bool Sandbox { get; }

    /// <summary>Version of the prompt; null where there is none.</summary>
    public virtual string? PromptVersion => null;

    /// <summary>Plans per batch; each batch is stored as soon as it is there.</summary>
    public virtual int BatchSize => 32;

    /// <summary>The model behind it, where that answers other questions as well; null where it does not.</summary>
    public virtual ITextModel? Model => null;

    /// <summary>Grades plans whose goals have at least one item, in order.</summary>
    public abstract Task<IReadOnlyList<PlanGrade>> GradeAsync(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>A verdict on the item at a place of the rubric that counts.</summary>
    protected static Verdict Verdict(PlanToGrade plan, int index, IReadOnlyList<int> violated, string? reason, double? probability = null) => new()
    {
        ItemId = RubricItemId.From(Guid.Parse(plan.Goal.Items[index].Id)),
        Met = violated.Count == 0,
        Violated = [.. violated],
        Reason = reason,
        Probability = probability,
    };
}

/// <summary>The exact judge of the sandbox.</summary>
internal sealed class OraclePlanGrader() : PlanGrader("sandbox-oracle", GraderRole.Oracle, "oracle")
{
    public override bool Sandbox => true;

    public override Task<IReadOnlyList<PlanGrade>> GradeAsync(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<PlanGrade>>([.. plans.Select(Grade)]);

    private static PlanGrade Grade(PlanToGrade plan)
    {
        if (!SandboxGoal.TryParseKey(plan.Goal.ExternalKey, out var goal))
        {
            return PlanGrade.Ungraded($"the goal's key \"{plan.Goal.ExternalKey}\" is none of the sandbox's world");
        }

        // As at the end of a run: the oracle's score covers everything that the world asks for, whatever reviewers did to the
        // items; verdicts are shown for the items that still count.
        var verdicts = SandboxWorld.Default.Oracle.Judge(goal, plan.Text);
        return plan.Goal.Items.All(item => item.Order < verdicts.Count)
            ? new PlanGrade(SandboxOracle.Score(verdicts), [.. plan.Goal.Items.Select((item, index) => Verdict(plan, index, Violated(verdicts[item.Order].Guideline), verdicts[item.Order].Evidence.WayWord))])
            : PlanGrade.Ungraded($"the goal has items that the sandbox's world does not know; it knows {verdicts.Count}");
    }

    private static int[] Violated(int guideline) => guideline == 0 ? [] : [guideline];
}

/// <summary>A local checkpoint whose verdicts are read from likelihoods.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="role">Capacity.</param>
/// <param name="protocol">Protocol recorded with the gradings.</param>
/// <param name="engine">Its weights; disposed with the grader.</param>
/// <param name="grader">How it grades in runs as well.</param>
internal abstract class LocalPlanGrader(string name, GraderRole role, string protocol, ISamplingEngine engine, IPlanGrader grader) : PlanGrader(name, role, protocol)
{
    public override Task<IReadOnlyList<PlanGrade>> GradeAsync(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken) =>
        Task.Run<IReadOnlyList<PlanGrade>>(() => [.. plans.Zip(grader.Grade(plans, cancellationToken), Grade)], cancellationToken);

    public override void Dispose()
    {
        engine.Dispose();
        base.Dispose();
    }

    private static PlanGrade Grade(PlanToGrade plan, PlanGrading grading) => grading.Failure is { } failure
        ? PlanGrade.Ungraded(failure)
        : new PlanGrade(grading.Score, [.. grading.Items.Select((item, index) => Verdict(plan, index, item!.Violated, item.Reason, item.Probability))]);
}

/// <summary>A local checkpoint, by the compact protocol.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="role">Capacity.</param>
/// <param name="engine">Its weights; disposed with the grader.</param>
/// <param name="threshold">An item is met when P(ok) exceeds it.</param>
internal sealed class SandboxPlanGrader(string name, GraderRole role, ISamplingEngine engine, double threshold)
    : LocalPlanGrader(name, role, "compact", engine, new CompactGrader(engine, threshold))
{
    public override bool Sandbox => true;
}

/// <summary>A local checkpoint with a chat template whose verdicts are read from the likelihood of a digit; it sees the reference solution.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="role">Capacity.</param>
/// <param name="engine">Its weights; disposed with the grader.</param>
/// <param name="chat">How it is spoken to.</param>
/// <param name="threshold">An item is met when its likelihood exceeds it.</param>
internal sealed class LikelihoodPlanGrader(string name, GraderRole role, ISamplingEngine engine, ChatFormat chat, double threshold)
    : LocalPlanGrader(name, role, PaperPrompts.Protocol, engine, new LikelihoodGrader(engine, chat, showReference: true, threshold))
{
    public override bool Sandbox => false;

    public override string? PromptVersion => PaperPrompts.ItemGraderVersion;

    public override int BatchSize => 8;
}

/// <summary>A model server, or a local checkpoint that answers like one, by the text protocol.</summary>
/// <param name="model">The model.</param>
/// <param name="role">Capacity.</param>
/// <param name="owned">What is disposed with the grader: the weights of a local checkpoint.</param>
internal sealed class ServerPlanGrader(ITextModel model, GraderRole role, IDisposable? owned = null) : PlanGrader(model.Name, role, PaperPrompts.Protocol)
{
    private const long Seed = 1;
    private readonly PaperGrader grader = new(model);

    public override bool Sandbox => false;

    public override string? PromptVersion => PaperPrompts.GraderVersion;

    public override int BatchSize => 8;

    public override ITextModel? Model => model;

    public override async Task<IReadOnlyList<PlanGrade>> GradeAsync(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken)
    {
        var tasks = plans.Select(plan => new PaperGradingTask(plan.Goal.Text, [.. plan.Goal.Items.Select(item => item.Text)], plan.Goal.ReferenceSolution, plan.Text));
        var gradings = await grader.GradeAsync([.. tasks], Seed, cancellationToken);
        return [.. plans.Zip(gradings, (plan, grading) => new PlanGrade(
            grading.Failure is null ? Reward.Share([.. grading.Verdicts.Zip(plan.Goal.Items, (verdict, item) => (ItemOutcome?)new ItemOutcome(verdict.Met, verdict.Violated.Count, item.Weight))]) : null,
            [.. grading.Verdicts.Select((verdict, index) => Verdict(plan, index, verdict.Violated, verdict.Reasoning))],
            grading.Failure,
            grading.Weaknesses))];
    }

    public override void Dispose()
    {
        owned?.Dispose();
        base.Dispose();
    }
}
