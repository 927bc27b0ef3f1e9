using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Studies;

/// <summary>An answer with the blinding taken off.</summary>
public enum PairOutcome
{
    /// <summary>Arm 1 is preferred.</summary>
    Arm1,

    /// <summary>Arm 2 is preferred.</summary>
    Arm2,

    /// <summary>Equally good.</summary>
    Tie,

    /// <summary>Neither is acceptable.</summary>
    BothBad,
}

/// <summary>A pair of a study, for the analysis.</summary>
/// <param name="Id">The comparison.</param>
/// <param name="GoalId">Its goal.</param>
/// <param name="Goal">The goal's text.</param>
/// <param name="Order">Position, from 0.</param>
public sealed record StudyPair(ComparisonId Id, GoalId GoalId, string Goal, int Order);

/// <summary>An answer that counts, for the analysis.</summary>
/// <param name="ComparisonId">The pair.</param>
/// <param name="Expert">Name of the expert.</param>
/// <param name="Choice">The answer as given; A is the left plan.</param>
/// <param name="Arm1IsLeft">What the expert had left.</param>
/// <param name="Reason">Written reason, or null.</param>
/// <param name="ActiveMilliseconds">Active time.</param>
/// <param name="At">When (UTC).</param>
public sealed record StudyAnswer(ComparisonId ComparisonId, string Expert, PreferenceChoice Choice, bool Arm1IsLeft, string? Reason, long ActiveMilliseconds, DateTimeOffset At)
{
    /// <summary>What else the form asked.</summary>
    public AnswerDetails Details { get; init; } = new();

    /// <summary>The answer in terms of the arms.</summary>
    public PairOutcome Outcome => Choice switch
    {
        PreferenceChoice.Tie => PairOutcome.Tie,
        PreferenceChoice.BothBad => PairOutcome.BothBad,
        _ => (Choice == PreferenceChoice.A) == Arm1IsLeft ? PairOutcome.Arm1 : PairOutcome.Arm2,
    };
}

/// <summary>One grader's scores of the two plans of a pair, by the same rubric version.</summary>
/// <param name="ComparisonId">The pair.</param>
/// <param name="Role">Capacity of the grader.</param>
/// <param name="Grader">Its name.</param>
/// <param name="Score1">Score of arm 1's plan, 0–1.</param>
/// <param name="Score2">Score of arm 2's plan, 0–1.</param>
public sealed record GradedPair(ComparisonId ComparisonId, GraderRole Role, string Grader, double Score1, double Score2);

/// <summary>What a study shows so far. Every rate is arm 1's.</summary>
public sealed record StudyResults
{
    /// <summary>Pairs of the study.</summary>
    public required int Pairs { get; init; }

    /// <summary>Answers that count, of all experts.</summary>
    public required int Answers { get; init; }

    /// <summary>
    /// Goals won, tied, lost and both bad. A goal is won when its decided answers give arm 1 more than half the points (ties half); it
    /// is both bad when it was answered and no answer decided it.
    /// </summary>
    public required WinRate Goals { get; init; }

    /// <summary>Mean points per goal with the 95% bootstrap interval over goals; null before a goal is decided.</summary>
    public required Estimate? WinRate { get; init; }

    /// <summary>Share of won goals among won and lost ones with Wilson's interval; null when all are tied.</summary>
    public required Estimate? DecidedShare { get; init; }

    /// <summary>Exact two-sided sign test of won against lost goals.</summary>
    public required double SignTest { get; init; }

    /// <summary>How often the left plan was chosen.</summary>
    public required PositionBias Position { get; init; }

    /// <summary>Krippendorff's nominal α over goals with two or more experts; null when there are too few.</summary>
    public required double? Alpha { get; init; }

    /// <summary>Goals with answers of two or more experts.</summary>
    public required int OverlappingGoals { get; init; }

    /// <summary>What graders say on the same goals, self-grade first.</summary>
    public required IReadOnlyList<GraderResult> Graders { get; init; }

    /// <summary>What the form, the graders and the rubrics add.</summary>
    public StudyFindings Findings { get; init; } = new();

    /// <summary>Every goal in the study's order.</summary>
    public required IReadOnlyList<GoalResult> PerGoal { get; init; }

    /// <summary>Every expert who answered, by name.</summary>
    public required IReadOnlyList<ExpertResult> PerExpert { get; init; }
}

/// <summary>Whether the side matters.</summary>
/// <param name="Left">Answers for the left plan.</param>
/// <param name="Right">Answers for the right plan.</param>
/// <param name="PValue">Exact two-sided binomial test against ½.</param>
public sealed record PositionBias(int Left, int Right, double PValue)
{
    /// <summary>P(left) with Wilson's interval; null without such answers.</summary>
    public Estimate? LeftShare => Left + Right == 0 ? null : BinomialTests.Wilson(Left, Left + Right);
}

/// <summary>A grader beside the experts, on the goals that both decided.</summary>
/// <param name="Role">Capacity.</param>
/// <param name="Grader">Name.</param>
/// <param name="Goals">Goals it won, tied and lost for arm 1.</param>
/// <param name="WinRate">Its win rate with the bootstrap interval over goals.</param>
/// <param name="Agreement">Share of goals on which it and the experts say the same (won, tied, lost).</param>
/// <param name="Kappa">Cohen's κ of the same; null when not defined.</param>
public sealed record GraderResult(GraderRole Role, string Grader, WinRate Goals, Estimate WinRate, double Agreement, double? Kappa);

/// <summary>One goal.</summary>
/// <param name="Pair">The pair.</param>
/// <param name="Tally">Its answers.</param>
/// <param name="Points">Arm 1's mean points over decided answers, 0–1; null when none decided it.</param>
/// <param name="Answers">The answers, oldest first.</param>
/// <param name="Graded">What the graders say of it.</param>
public sealed record GoalResult(StudyPair Pair, WinRate Tally, double? Points, IReadOnlyList<StudyAnswer> Answers, IReadOnlyList<GradedPair> Graded);

/// <summary>One expert.</summary>
/// <param name="Expert">Name.</param>
/// <param name="Tally">The expert's answers in terms of arm 1.</param>
/// <param name="Left">Answers for the left plan.</param>
/// <param name="Right">Answers for the right plan.</param>
/// <param name="MedianSeconds">Median active time per answer, seconds.</param>
public sealed record ExpertResult(string Expert, WinRate Tally, int Left, int Right, double MedianSeconds);
