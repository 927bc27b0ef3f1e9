using CoScientist.Core.Statistics;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Sandbox;

/// <summary>A sandbox goal as it is put to writer and grader.</summary>
/// <param name="Goal">What it means.</param>
/// <param name="Text">How it reads.</param>
/// <param name="Items">Rubric items in the wording that counts.</param>
public sealed record SandboxTask(SandboxGoal Goal, string Text, IReadOnlyList<string> Items)
{
    /// <summary>A reference solution shown to the grader; null, the default, shows none.</summary>
    public string? Reference { get; init; }

    /// <summary>Whether the writer sees the items as well, as the teacher of self-distillation does. Default false.</summary>
    public bool RubricShown { get; init; }

    /// <summary>A goal in the wording of the library, with its whole rubric.</summary>
    public static SandboxTask Of(SandboxWorld world, SandboxGoal goal) => new(goal, world.GoalText(goal), world.ItemTexts(goal));
}

/// <summary>A plan written for a sandbox goal, with what grader and oracle say of it.</summary>
/// <param name="Task">The goal.</param>
/// <param name="Text">The plan.</param>
/// <param name="Tokens">Tokens drawn.</param>
/// <param name="Seed">Seed it was drawn with.</param>
/// <param name="Form">Its form.</param>
/// <param name="Finished">Whether the writer ended it.</param>
/// <param name="Oracle">The oracle's verdicts, one per requirement of the world.</param>
/// <param name="Grades">The grader's verdicts, one per item; empty without a grader.</param>
public sealed record EvaluatedPlan(
    SandboxTask Task,
    string Text,
    int Tokens,
    long Seed,
    PlanForm Form,
    bool Finished,
    IReadOnlyList<SandboxVerdict> Oracle,
    IReadOnlyList<ItemGrade> Grades)
{
    /// <summary>Share of the world's requirements satisfied.</summary>
    public double OracleScore => SandboxOracle.Score(Oracle);

    /// <summary>Share of items the grader calls met.</summary>
    public double SelfGrade => Grades.Count == 0 ? 0 : (double)Grades.Count(grade => grade.Met) / Grades.Count;
}

/// <summary>What an evaluation found.</summary>
/// <param name="Goals">Number of goals.</param>
/// <param name="OracleScore">Oracle's mean score of sampled plans, with its interval over goals.</param>
/// <param name="OracleScoreGreedy">The same with greedy decoding.</param>
/// <param name="SelfGrade">Grader's mean score of the sampled plans.</param>
/// <param name="WellFormed">Share of sampled plans that are well formed.</param>
/// <param name="MeanTokens">Mean length of sampled plans in tokens.</param>
/// <param name="GraderBalancedAccuracy">Mean of true positive and true negative rate of the grader against the oracle on the sampled plans.</param>
/// <param name="GraderTruePositiveRate">Share of satisfied items the grader calls met.</param>
/// <param name="GraderTrueNegativeRate">Share of unsatisfied items the grader calls unmet.</param>
/// <param name="Verdicts">Oracle's verdicts counted: index 0 satisfied, else the guideline.</param>
/// <param name="FalsePasses">Items the grader passed wrongly, by the guideline that the oracle names.</param>
public sealed record SandboxReport(
    int Goals,
    Estimate OracleScore,
    double OracleScoreGreedy,
    double SelfGrade,
    double WellFormed,
    double MeanTokens,
    double GraderBalancedAccuracy,
    double GraderTruePositiveRate,
    double GraderTrueNegativeRate,
    IReadOnlyList<int> Verdicts,
    IReadOnlyList<int> FalsePasses)
{
    /// <summary>The threshold on the grader's probabilities that agrees best with the oracle on these plans; null when all verdicts are alike.</summary>
    public ThresholdChoice? BestThreshold { get; init; }
}

/// <summary>Writes plans for sandbox goals and has them judged.</summary>
public sealed class SandboxEvaluation(SandboxWorld world)
{
    /// <summary>
    /// How the sandbox's presets sample: temperature 1, nucleus 0.98. At nucleus 1 the base model's plans are no better or worse
    /// in content, but one token in a thousand comes from the far tail of 1,662 and breaks its sentence.
    /// </summary>
    public static SamplingOptions Sampling { get; } = new() { TopP = 0.98 };

    /// <summary>Writes one plan per goal.</summary>
    /// <param name="policy">The writer.</param>
    /// <param name="grader">Grades the plans; null leaves them ungraded.</param>
    /// <param name="tasks">The goals.</param>
    /// <param name="options">Sampling; end and banned tokens are set here.</param>
    /// <param name="seed">Seed; goal i draws from stream i.</param>
    /// <param name="cancellationToken">Cancels between steps.</param>
    public IReadOnlyList<EvaluatedPlan> Write(IPolicyEngine policy, CompactGrader? grader, IReadOnlyList<SandboxTask> tasks, SamplingOptions options, long seed, CancellationToken cancellationToken)
    {
        var protocol = new CompactProtocol(policy.Tokenizer);
        options = options with { EndTokens = [protocol.EndToken], BannedTokens = protocol.NotInPlans };
        var requests = tasks.Select((task, i) => new SampleRequest { Prompt = task.RubricShown ? protocol.WriteWithRubricPrompt(task.Text, task.Items) : protocol.WritePrompt(task.Text), Seed = seed + (i * 7919L) }).ToArray();
        var samples = policy.Sample(requests, options, cancellationToken);
        var plans = samples.Select(sample => protocol.PlanText(sample.Tokens)).ToArray();
        var grades = grader?.Grade([.. tasks.Select((task, i) => new GradingTask(task.Text, plans[i], task.Items, task.Reference))], cancellationToken);
        return [.. tasks.Select((task, i) => new EvaluatedPlan(
            task,
            plans[i],
            samples[i].Tokens.Length,
            requests[i].Seed,
            SandboxOracle.Check(plans[i], samples[i].Ended),
            samples[i].Ended,
            world.Oracle.Judge(task.Goal, plans[i]),
            grades?[i] ?? []))];
    }

    /// <summary>Sampled and greedy plans for the goals, counted.</summary>
    public SandboxReport Report(IPolicyEngine policy, CompactGrader grader, IReadOnlyList<SandboxTask> tasks, SamplingOptions options, long seed, CancellationToken cancellationToken)
    {
        var plans = Write(policy, grader, tasks, options, seed, cancellationToken);
        var greedy = Write(policy, null, tasks, options with { Temperature = 0 }, seed, cancellationToken);
        var verdicts = new int[8];
        var falsePasses = new int[8];
        var (passed, failed) = (0, 0);
        foreach (var (oracle, grade) in plans.SelectMany(plan => plan.Oracle.Zip(plan.Grades)))
        {
            verdicts[oracle.Guideline]++;
            if (oracle.Guideline == 0)
            {
                passed += grade.Met ? 1 : 0;
            }
            else
            {
                failed += grade.Met ? 0 : 1;
                falsePasses[oracle.Guideline] += grade.Met ? 1 : 0;
            }
        }

        var truePositive = (double)passed / Math.Max(1, verdicts[0]);
        var trueNegative = (double)failed / Math.Max(1, verdicts.Sum() - verdicts[0]);
        return new SandboxReport(
            tasks.Count,
            Bootstrap.Mean([.. plans.Select(plan => plan.OracleScore)]),
            greedy.Average(plan => plan.OracleScore),
            plans.Average(plan => plan.SelfGrade),
            plans.Average(plan => plan.Form.WellFormed ? 1.0 : 0),
            plans.Average(plan => plan.Tokens),
            (truePositive + trueNegative) / 2,
            truePositive,
            trueNegative,
            verdicts,
            falsePasses)
        {
            BestThreshold = ThresholdChoice.Best(plans.SelectMany(plan => plan.Oracle.Zip(plan.Grades, (oracle, grade) => (oracle.Guideline == 0, grade.Probability)))),
        };
    }
}
