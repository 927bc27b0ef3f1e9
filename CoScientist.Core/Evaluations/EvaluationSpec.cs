using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;

namespace CoScientist.Core.Evaluations;

/// <summary>What an evaluation is to do; stored unchanged, and enough to repeat it.</summary>
public sealed partial record EvaluationSpec
{
    /// <summary>Checkpoints or model servers whose plans are compared; all others are compared with the first.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>Who picks the best of N: the grader of training. Null leaves out what needs one.</summary>
    public string? Grader { get; init; }

    /// <summary>Whose scores count.</summary>
    public required string Judge { get; init; }

    /// <summary>Further judges who vote item by item. Default none.</summary>
    public IReadOnlyList<string> Jury { get; init; } = [];

    /// <summary>Plans per goal and model, the largest N of best-of-N. Default 8, as in training.</summary>
    public int Plans { get; init; } = 8;

    /// <summary>Most test goals, the domains in turn. Default 100.</summary>
    public int Goals { get; init; } = 100;

    /// <summary>Domains of the goals; none means all.</summary>
    public IReadOnlyList<string> Domains { get; init; } = [];

    /// <summary>Whether to write one greedy plan per goal besides.</summary>
    public bool Greedy { get; init; }

    /// <summary>Whether judge and jurors, model servers or checkpoints with a chat template, also compare plans in pairs, in both orders, without the rubric.</summary>
    public bool Pairwise { get; init; }

    /// <summary>Whether they compare the same pairs with the rubric besides: what it changes shows what was written for it alone.</summary>
    public bool PairwiseRubric { get; init; }

    /// <summary>Sampling temperature, above 0 and at most 2. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Seed of the first plan of each goal; the next plans take the next seeds. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Numbers in which local checkpoints are read: "bf16" or "int8". Default null: in full.</summary>
    public string? Dtype { get; init; }

    /// <summary>Where the verdicts of local checkpoints on real plans are read. Default null: in the answer, as those of model servers always are.</summary>
    public VerdictReading? Verdicts { get; init; }

    /// <summary>Threshold of verdicts read in likelihoods. Default null: that of <see cref="GradingSpec.Threshold"/>.</summary>
    public double? Threshold { get; init; }

    /// <summary>Most tokens of a plan for a real goal. Default null: 2,048 of a checkpoint, 8,192 of a server.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>How local checkpoints are asked for verdicts.</summary>
    public GradingSpec Grading() => new() { Verdicts = Verdicts ?? VerdictReading.Answer, Threshold = Threshold ?? new GradingSpec().Threshold };

    /// <summary>Everyone who scores plans, each once.</summary>
    public IEnumerable<string> Scorers() => new[] { Grader, Judge }.OfType<string>().Concat(Jury).Distinct(StringComparer.Ordinal);

    /// <summary>Everyone who compares plans in pairs, each once.</summary>
    public IEnumerable<string> Comparers() => Jury.Prepend(Judge).Distinct(StringComparer.Ordinal);

    /// <summary>What is wrong with it, every fault in a sentence; empty when nothing is.</summary>
    public IEnumerable<string> Faults()
    {
        if (Models.Count == 0)
        {
            yield return "There is no model to evaluate: name at least one with --model.";
        }

        if (Models.CountBy(model => model, StringComparer.Ordinal).FirstOrDefault(model => model.Value > 1).Key is { } twice)
        {
            yield return $"--model {twice} is given twice: a model is compared with others, name each once.";
        }

        if (Jury.CountBy(juror => juror, StringComparer.Ordinal).FirstOrDefault(juror => juror.Value > 1).Key is { } votesTwice)
        {
            yield return $"--jury {votesTwice} is given twice: a juror has one vote.";
        }

        if (Plans is < 1 or > MostPlans)
        {
            yield return $"--plans {Plans}: ask for 1 to {MostPlans} plans per goal.";
        }

        if (Goals < 1)
        {
            yield return $"--goals {Goals}: ask for at least one goal.";
        }

        if (PairwiseRubric && !Pairwise)
        {
            yield return "--pairwise-rubric: it is read beside the same comparisons without the rubric; ask for --pairwise as well.";
        }

        if (Threshold is not (null or (> 0 and < 1)))
        {
            yield return $"--threshold {Threshold}: choose a number above 0 and below 1.";
        }

        if (MaxTokens < 1)
        {
            yield return $"--max-tokens {MaxTokens}: allow at least one.";
        }

        if (Temperature is not (> 0 and <= 2))
        {
            yield return $"--temperature {Temperature}: choose above 0 (the plans of a goal would all be the same) and at most 2; --greedy adds greedy plans.";
        }
    }

    /// <summary>What should be known when its numbers are read.</summary>
    public IEnumerable<string> Warnings()
    {
        if (Judge == Grader)
        {
            yield return $"{Judge} is both grader and judge: the best of N is then judged by the scores that picked it, and shows its luck and its mistakes as quality. Name another --judge.";
        }

        foreach (var model in Models.Where(model => model == Judge || Jury.Contains(model, StringComparer.Ordinal)))
        {
            yield return $"{model} judges its own plans: what training exploited in it stays unseen. Name a judge that is none of the models.";
        }

        if (Grader is not null && Jury.Contains(Grader, StringComparer.Ordinal))
        {
            yield return $"{Grader} is the grader and votes in the jury: name jurors that gave no reward.";
        }

        if (Jury.Count == 1)
        {
            yield return $"A jury of one ({Jury[0]}) has nobody to agree with: name more jurors.";
        }
    }

    /// <summary>Whether a name can be that of an evaluation, and so of its folder: lower-case letters, digits, hyphens, at most 64.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name);

    private const int MostPlans = 64;

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,63}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, TextLimits.PatternMilliseconds)]
    private static partial Regex NamePattern();
}

/// <summary>What an evaluation found in the library when it started; kept, so that going on later is going on with the same.</summary>
/// <param name="Sandbox">Whether goals and models are the sandbox's.</param>
/// <param name="Goals">Test goals with the rubric items that count. None was trained on by any of the models.</param>
/// <param name="LeftOut">Test goals left out because a model had trained on them, or on experts' preferences about them.</param>
/// <param name="TrainedOn">For models that a run trained on one domain only, that domain.</param>
public sealed record EvaluationData(bool Sandbox, IReadOnlyList<RunGoal> Goals, int LeftOut, IReadOnlyDictionary<string, string> TrainedOn);

/// <summary>A plan written for an evaluation.</summary>
/// <param name="Model">Who wrote it.</param>
/// <param name="Goal">Id of the goal.</param>
/// <param name="Sample">Number of the plan among those of model and goal, from 0; null for the greedy one.</param>
/// <param name="Seed">Seed it was sampled with.</param>
/// <param name="Text">The plan.</param>
/// <param name="Tokens">Tokens drawn.</param>
/// <param name="Finished">Whether the writer ended it.</param>
/// <param name="WellFormed">Whether it has the form asked for.</param>
public sealed record EvaluationPlan(string Model, string Goal, int? Sample, long Seed, string Text, int Tokens, bool Finished, bool WellFormed)
{
    /// <summary>What tells plans apart.</summary>
    public (string Model, string Goal, int? Sample) Key => (Model, Goal, Sample);
}

/// <summary>One scorer's word on one plan.</summary>
/// <param name="Model">Writer of the plan.</param>
/// <param name="Goal">Goal of the plan.</param>
/// <param name="Sample">Number of the plan.</param>
/// <param name="Scorer">Who scored.</param>
/// <param name="Score">Share of items met by their weights, 0–1; null when the answer could not be read.</param>
/// <param name="Met">Verdicts, item by item of the goal; null when there are none.</param>
/// <param name="Failure">Why there is no score; null when there is one.</param>
public sealed record EvaluationGrading(string Model, string Goal, int? Sample, string Scorer, double? Score, IReadOnlyList<bool>? Met, string? Failure = null)
{
    /// <summary>Guidelines violated, item by item; null when there are no verdicts.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? Violated { get; init; }

    /// <summary>Probability of 'met', item by item; null where verdicts were not read in likelihoods.</summary>
    public IReadOnlyList<double>? Probabilities { get; init; }

    /// <summary>The plan it is of.</summary>
    public (string Model, string Goal, int? Sample) Plan => (Model, Goal, Sample);
}

/// <summary>A judge's choice between a model's plan and the first model's, of the same goal and number.</summary>
/// <param name="Model">The model; its plan is the first of the pair.</param>
/// <param name="Goal">The goal.</param>
/// <param name="Sample">Number of both plans.</param>
/// <param name="Shown">Choice with the model's plan shown first; null when unread.</param>
/// <param name="Exchanged">Choice with the other plan shown first, in terms of the plans; null when unread.</param>
public sealed record EvaluationPair(string Model, string Goal, int? Sample, PairChoice? Shown, PairChoice? Exchanged)
{
    /// <summary>Who chose; null in the lines of older evaluations, where only the judge did.</summary>
    public string? Judge { get; init; }

    /// <summary>Whether the rubric was seen.</summary>
    public bool Rubric { get; init; }

    /// <summary>Both choices.</summary>
    [JsonIgnore]
    public PairVerdict Verdict => new(Shown, Exchanged);
}
