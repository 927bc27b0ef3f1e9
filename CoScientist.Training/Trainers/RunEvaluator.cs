using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>A judged look at the policy.</summary>
/// <param name="Score">Judge's mean score of the validation plans it could read.</param>
/// <param name="SelfGrade">Grader's mean score of those it could read; NaN when there are none.</param>
/// <param name="Mentions">Share of the items passed by the grader that the judge finds addressed but not met.</param>
/// <param name="JudgeFailure">Share of items without the judge's verdict.</param>
/// <param name="Samples">The plans.</param>
internal sealed record Validation(double Score, double SelfGrade, double Mentions, double JudgeFailure, IReadOnlyList<RunSample> Samples);

/// <summary>An answer to a goal.</summary>
/// <param name="Plan">The plan in it; null when there was no answer.</param>
/// <param name="Tokens">Tokens of it.</param>
/// <param name="Failure">Why there was none.</param>
internal sealed record WrittenAnswer(PlanAnswer? Plan, int Tokens, string? Failure = null);

/// <summary>Writes one plan per goal, in order: an engine of this machine, or a model server that has the weights.</summary>
internal delegate IReadOnlyList<WrittenAnswer> PlanWriting(IReadOnlyList<RunGoal> goals, IReadOnlyList<long> seeds, SamplingOptions options, CancellationToken cancellationToken);

/// <summary>
/// Has a judge that gives no reward score the validation goals while the run goes on, which picks the checkpoint, and the test
/// goals at the end, which are reported.
/// </summary>
internal sealed class RunEvaluator
{
    private const long ValidationSeed = 1_000_003;
    private const long TestSeed = 2_000_003;

    private readonly RunSpec spec;
    private readonly RunData data;
    private readonly IPlanProtocol protocol;
    private readonly IPlanGrader grader;
    private readonly IPlanGrader judge;
    private readonly SamplingOptions sampling;

    public RunEvaluator(RunSpec spec, RunData data, IPlanProtocol protocol, IPlanGrader grader, IPlanGrader judge)
    {
        (this.spec, this.data, this.protocol, this.grader, this.judge) = (spec, data, protocol, grader, judge);
        sampling = Trainer.SamplingOf(spec, protocol);
        if (data.Validation.Count == 0 || data.Test.Count == 0)
        {
            throw new InvalidDataException($"The run has no validation or no test goals: the judge needs both. {(spec.Data.Sandbox ? "Restore the sandbox's library by starting the application once." : "Import more goals, or papers and extract them.")}");
        }
    }

    /// <summary>Has one sampled plan per validation goal graded and judged.</summary>
    /// <exception cref="InvalidDataException">The judge could read none of them.</exception>
    public Validation Validate(IPolicyEngine policy, int step, CancellationToken cancellationToken)
    {
        // The same seeds at every step: differences between steps are then those of the policy.
        var plans = Write(By(policy), data.Validation, sampling, ValidationSeed, selfGraded: true, cancellationToken);
        var samples = plans.Select(plan => new RunSample(
            step,
            "validation",
            plan.Goal.Id,
            plan.Goal.Text,
            plan.Answer!.Text,
            Reward: null,
            plan.SelfGrade!.Score,
            plan.Judgment.Score,
            [.. plan.Goal.Items.Select((item, k) => new RunSampleItem(item.Text, plan.SelfGrade.Items[k]?.Met, plan.SelfGrade.Items[k]?.Probability, plan.Judgment.Items[k]?.Met))]));
        var passed = plans.SelectMany(plan => plan.SelfGrade!.Items.Zip(plan.Judgment.Items)).Where(item => item is { First.Met: true, Second: not null }).ToArray();
        return new Validation(
            RequireJudged(plans.Select(plan => plan.Judgment), "validation").Average(),
            plans.Select(plan => plan.SelfGrade!.Score).OfType<double>().DefaultIfEmpty(double.NaN).Average(),
            passed.Length == 0 ? 0 : passed.Average(item => item.Second!.Violations is > 0 and < 7 ? 1.0 : 0),
            plans.SelectMany(plan => plan.Judgment.Items).Average(verdict => verdict is null ? 1.0 : 0),
            [.. samples]);
    }

    /// <summary>Base and picked checkpoint on the test goals: the result (seconds per step left at 0) and a row per plan.</summary>
    /// <exception cref="InvalidDataException">The judge could read none of them.</exception>
    public (RunResult Result, IReadOnlyList<RunEvaluationRow> Rows) Close(string run, int picked, PlanWriting baseline, PlanWriting chosen, CancellationToken cancellationToken)
    {
        var greedy = sampling with { Temperature = 0 };
        var before = Write(baseline, data.Test, sampling, TestSeed, selfGraded: true, cancellationToken);
        var after = Write(chosen, data.Test, sampling, TestSeed, selfGraded: true, cancellationToken);
        var greedyBefore = Write(baseline, data.Test, greedy, TestSeed, selfGraded: false, cancellationToken);
        var greedyAfter = Write(chosen, data.Test, greedy, TestSeed, selfGraded: false, cancellationToken);

        // A goal counts where the judge could read both plans.
        var pairs = before.Zip(after).Where(pair => pair is { First.Judgment.Score: not null, Second.Judgment.Score: not null })
            .Select(pair => (pair.First.Goal.Domain, Before: pair.First.Judgment.Score!.Value, After: pair.Second.Judgment.Score!.Value)).ToArray();
        _ = RequireJudged(before.Zip(after, (b, a) => b.Judgment.Score is null ? b.Judgment : a.Judgment), "test");
        var gain = Bootstrap.Mean([.. pairs.Select(pair => pair.After - pair.Before)]);
        var wins = Bootstrap.Mean([.. pairs.Select(pair => WinRate.Points(pair.After, pair.Before))]);
        var result = new RunResult
        {
            Run = run,
            State = RunState.Finished,
            Judge = spec.Judge,
            Steps = spec.Steps,
            BestStep = picked,
            Goals = pairs.Length,
            BaseOracleScore = pairs.Average(pair => pair.Before),
            OracleScore = pairs.Average(pair => pair.After),
            OracleGainLow = gain.Low,
            OracleGainHigh = gain.High,
            BaseOracleScoreGreedy = RequireJudged(greedyBefore.Select(plan => plan.Judgment), "test").Average(),
            OracleScoreGreedy = RequireJudged(greedyAfter.Select(plan => plan.Judgment), "test").Average(),
            BaseSelfGrade = SelfGrade(before),
            SelfGrade = SelfGrade(after),
            WinRate = wins.Value,
            WinRateLow = wins.Low,
            WinRateHigh = wins.High,
            WellFormed = after.Where(plan => plan.Answer is not null).Average(plan => plan.Answer!.WellFormed ? 1.0 : 0),
            SecondsPerStep = 0,
            Domains = pairs.GroupBy(pair => pair.Domain, StringComparer.Ordinal).ToDictionary(
                domain => domain.Key,
                domain => new DomainResult(domain.Count(), domain.Average(pair => pair.Before), domain.Average(pair => pair.After), domain.Average(pair => WinRate.Points(pair.After, pair.Before))),
                StringComparer.Ordinal),
        };
        return (result, [.. Rows(RunEvaluationRow.Base, before), .. Rows(RunEvaluationRow.Best, after)]);
    }

    /// <summary>An engine of this machine as a writer.</summary>
    public PlanWriting By(IPolicyEngine policy) => (goals, seeds, options, cancellationToken) =>
    {
        SampleRequest[] requests = [.. goals.Select((goal, i) => new SampleRequest { Prompt = protocol.WritePrompt(goal.Text), Seed = seeds[i] })];
        return [.. policy.Sample(requests, options, cancellationToken).Select(sample => new WrittenAnswer(protocol.Read(sample.Tokens, sample.Ended), sample.Tokens.Length))];
    };

    /// <summary>A model server as a writer, by the paper's protocol. What it makes of a seed is its own affair.</summary>
    public static PlanWriting By(ITextModel server) => (goals, seeds, options, cancellationToken) =>
    {
        // Nothing else is done meanwhile, on a thread of its own.
        var asked = new TextSamplingOptions { Temperature = options.Temperature, TopP = options.TopP, MaxTokens = options.MaxNewTokens, Seed = seeds[0] };
        var answers = server.CompleteAsync([.. goals.Select(goal => PaperPrompts.WritePlan(goal.Text))], asked, cancellationToken).GetAwaiter().GetResult();
        return [.. answers.Select(Read)];

        static WrittenAnswer Read(TextCompletion answer)
        {
            // One that was cut off says so as a failure, too, and is a plan all the same.
            if (answer.Failure is { } failure && answer.Text.Length == 0)
            {
                return new WrittenAnswer(null, answer.CompletionTokens, failure);
            }

            var (plan, ended) = (PlanReader.Read(answer.Text), answer.Finish == Core.TextModels.FinishReason.Stop);
            return new WrittenAnswer(new PlanAnswer(plan.Text, plan.Form with { Finished = plan.Form.Finished && ended }, ended && plan.Fault is null), answer.CompletionTokens);
        }
    };

    private static double? SelfGrade(IEnumerable<EvaluatedAnswer> plans)
    {
        var scores = plans.Select(plan => plan.SelfGrade!.Score).OfType<double>().ToArray();
        return scores.Length == 0 ? null : scores.Average();
    }

    private double[] RequireJudged(IEnumerable<PlanGrading> judgments, string split)
    {
        var all = judgments.ToArray();
        var scores = all.Select(judgment => judgment.Score).OfType<double>().ToArray();
        return scores.Length > 0
            ? scores
            : throw new InvalidDataException($"The judge \"{spec.Judge}\" gave no readable verdict on any of {all.Length} plans for {split} goals ({all[0].Failure}): mend it and resume, or start a run with another judge. The last checkpoint is intact.");
    }

    private EvaluatedAnswer[] Write(PlanWriting writing, IReadOnlyList<RunGoal> goals, SamplingOptions options, long seed, bool selfGraded, CancellationToken cancellationToken)
    {
        long[] seeds = [.. goals.Select((_, i) => seed + spec.Seed + (i * 7919L))];
        var answers = writing(goals, seeds, options, cancellationToken);
        var there = Enumerable.Range(0, goals.Count).Where(i => answers[i].Plan is not null).ToArray();
        PlanToGrade[] plans = [.. there.Select(i => new PlanToGrade(goals[i], answers[i].Plan!.Text))];
        var grades = selfGraded ? ByGoal(grader.Grade(plans, cancellationToken)) : null;
        var judgments = ByGoal(judge.Grade(plans, cancellationToken));
        return [.. goals.Select((goal, i) => new EvaluatedAnswer(goal, answers[i].Plan, answers[i].Tokens, seeds[i], grades?[i], judgments[i]))];

        // A plan that nobody wrote is ungraded, never zero.
        PlanGrading[] ByGoal(IReadOnlyList<PlanGrading> graded)
        {
            PlanGrading[] all = [.. goals.Select((goal, i) => PlanGrading.Ungraded(new PlanToGrade(goal, ""), answers[i].Failure ?? ""))];
            for (var k = 0; k < there.Length; k++)
            {
                all[there[k]] = graded[k];
            }

            return all;
        }
    }

    private IEnumerable<RunEvaluationRow> Rows(string writer, IEnumerable<EvaluatedAnswer> plans)
    {
        var isOracle = spec.Judge == RunSpec.Oracle;
        foreach (var plan in plans)
        {
            if (plan.Answer is { } answer)
            {
                var judgment = Grading(plan.Goal, plan.Judgment);
                yield return new RunEvaluationRow
                {
                    Writer = writer,
                    GoalId = plan.Goal.Id,
                    RubricVersion = plan.Goal.RubricVersion,
                    Plan = answer.Text,
                    Finished = answer.Form.Finished,
                    Tokens = plan.Tokens,
                    Seed = plan.Seed,
                    Temperature = sampling.Temperature,
                    SelfGrade = Grading(plan.Goal, plan.SelfGrade!),
                    Oracle = isOracle ? judgment : null,
                    Judge = isOracle ? null : judgment,
                };
            }
        }
    }

    /// <summary>A grading for the library, which keeps whole ones only: half of the verdicts would pass for all of them.</summary>
    private static RunEvaluationGrading Grading(RunGoal goal, PlanGrading grading) => grading.Items.All(verdict => verdict is not null)
        ? new(grading.Score, [.. goal.Items.Zip(grading.Items, (item, verdict) => new RunEvaluationVerdict(item.Id, verdict!.Met, verdict.Met ? null : verdict.Violated, verdict.Probability, verdict.Reason))])
        : new(null, [], grading.Failure);

    private sealed record EvaluatedAnswer(RunGoal Goal, PlanAnswer? Answer, int Tokens, long Seed, PlanGrading? SelfGrade, PlanGrading Judgment);
}
