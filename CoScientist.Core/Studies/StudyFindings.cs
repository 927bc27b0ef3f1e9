using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Studies;

/// <summary>What the analysis of a study uses besides pairs, answers and scores. Everything is of the pairs that count, except <see cref="Gold"/>.</summary>
public sealed record StudyEvidence
{
    /// <summary>Words of the plan of arm 1 minus those of arm 2, by pair.</summary>
    public IReadOnlyDictionary<ComparisonId, int> LengthDifference { get; init; } = new Dictionary<ComparisonId, int>();

    /// <summary>A grader's verdict on an item of a plan beside an expert's mark of the same.</summary>
    public IReadOnlyList<ItemJudgment> Judgments { get; init; } = [];

    /// <summary>Items of the study's rubrics that were approved as they are, edited and rejected in review.</summary>
    public (int AsIs, int Edited, int Rejected) Approvals { get; init; }

    /// <summary>Answers to gold questions, with the right one.</summary>
    public IReadOnlyList<(StudyAnswer Answer, PairOutcome Expected)> Gold { get; init; } = [];

    /// <summary>Decisions that hold on goals that experts disagree about.</summary>
    public IReadOnlyDictionary<ComparisonId, PairOutcome> Adjudicated { get; init; } = new Dictionary<ComparisonId, PairOutcome>();
}

/// <summary>A grader's verdict on an item of a plan beside an expert's mark of the same.</summary>
/// <param name="Role">Capacity of the grader.</param>
/// <param name="Grader">Its name.</param>
/// <param name="Met">Its verdict.</param>
/// <param name="Violated">Guidelines that it found violated, 1–7.</param>
/// <param name="Expert">The expert's mark.</param>
public sealed record ItemJudgment(GraderRole Role, string Grader, bool Met, IReadOnlyList<int> Violated, ItemMark Expert);

/// <summary>What a study shows besides the headline. Rates are arm 1's; what nobody was asked is null or empty.</summary>
public sealed record StudyFindings
{
    /// <summary>Krippendorff's nominal α of the preferences, bootstrap over goals.</summary>
    public Estimate? Alpha { get; init; }

    /// <summary>Krippendorff's ordinal α of preference with strength (−3 strongly arm 2 … 3 strongly arm 1), bootstrap over goals.</summary>
    public Estimate? StrengthAlpha { get; init; }

    /// <summary>Cohen's κ (two experts who answered all goals that several answered) or Fleiss' κ (as many answers on each), with its name.</summary>
    public (string Name, double Value)? Kappa { get; init; }

    /// <summary>Mean score of both arms, 1–10, bootstrap over goals.</summary>
    public ScoreFinding? Scores { get; init; }

    /// <summary>Win rate by each criterion.</summary>
    public IReadOnlyList<CriterionFinding> Criteria { get; init; } = [];

    /// <summary>Share of items met by both arms (partly counts half), and share of items needed.</summary>
    public MarksFinding? Items { get; init; }

    /// <summary>How approval of the study's rubric items is split.</summary>
    public ApprovalFinding? Approvals { get; init; }

    /// <summary>Graders' preferences beside the experts', goal by goal.</summary>
    public IReadOnlyList<PreferenceConfusion> Judges { get; init; } = [];

    /// <summary>Graders' verdicts on items beside the experts' marks.</summary>
    public IReadOnlyList<CalibrationFinding> Calibration { get; init; } = [];

    /// <summary>Preference against length.</summary>
    public LengthFinding? Length { get; init; }

    /// <summary>Right answers to gold questions, by expert.</summary>
    public IReadOnlyList<(string Expert, int Right, int Asked)> Gold { get; init; } = [];

    /// <summary>Goals that several experts answered differently, least agreement first.</summary>
    public IReadOnlyList<DisagreedGoal> Disagreed { get; init; } = [];

    /// <summary>Win rate when decided goals have their decision instead of their answers; null when none is.</summary>
    public Estimate? AdjudicatedWinRate { get; init; }
}

/// <summary>Mean scores.</summary>
/// <param name="Goals">Goals with scores.</param>
/// <param name="Arm1">Mean of arm 1.</param>
/// <param name="Arm2">Mean of arm 2.</param>
/// <param name="Difference">Arm 1 minus arm 2.</param>
public sealed record ScoreFinding(int Goals, Estimate Arm1, Estimate Arm2, Estimate Difference);

/// <summary>Preference by a criterion.</summary>
/// <param name="Criterion">The criterion.</param>
/// <param name="Goals">Goals with an answer.</param>
/// <param name="WinRate">Mean over goals, ties half.</param>
public sealed record CriterionFinding(Criterion Criterion, int Goals, Estimate WinRate);

/// <summary>Marks of rubric items.</summary>
/// <param name="Goals">Goals with marks.</param>
/// <param name="Marks">Marks of both plans.</param>
/// <param name="Arm1">Share met by arm 1.</param>
/// <param name="Arm2">Share met by arm 2.</param>
/// <param name="Needed">Share of answers that call the item needed; null when none was given.</param>
/// <param name="NeededCount">Number of such answers.</param>
/// <param name="NeededAc1">Gwet's AC1 of these answers; null when no two experts marked the same item.</param>
public sealed record MarksFinding(int Goals, int Marks, Estimate Arm1, Estimate Arm2, Estimate? Needed, int NeededCount, double? NeededAc1);

/// <summary>Approval in review.</summary>
/// <param name="AsIs">Approved as they are.</param>
/// <param name="Edited">Kept in new wording.</param>
/// <param name="Rejected">Rejected.</param>
/// <param name="Rate">Share not rejected, Wilson's interval.</param>
public sealed record ApprovalFinding(int AsIs, int Edited, int Rejected, Estimate Rate);

/// <summary>Counts of goals by what the experts and a grader say: arm 1, tie, arm 2.</summary>
/// <param name="Role">Capacity of the grader.</param>
/// <param name="Grader">Its name.</param>
/// <param name="Counts">Rows: experts; columns: grader; each in the order arm 1, tie, arm 2.</param>
/// <param name="Kappa">Cohen's κ; null when not defined.</param>
public sealed record PreferenceConfusion(GraderRole Role, string Grader, IReadOnlyList<IReadOnlyList<int>> Counts, double? Kappa);

/// <summary>A grader's verdicts beside experts' marks; "partly" is not met, as graders know only met and not met.</summary>
/// <param name="Role">Capacity of the grader.</param>
/// <param name="Grader">Its name.</param>
/// <param name="Guideline">1–7: verdicts that found this guideline violated; null: all verdicts.</param>
/// <param name="Verdicts">Number of verdicts.</param>
/// <param name="Agreement">Share with which the experts agree, Wilson's interval.</param>
/// <param name="Confusion">All verdicts: met by experts against met by the grader; null for one guideline.</param>
public sealed record CalibrationFinding(GraderRole Role, string Grader, int? Guideline, int Verdicts, Estimate Agreement, Confusion? Confusion);

/// <summary>Preference against length.</summary>
/// <param name="Decided">Goals that one arm won, with plans of different length.</param>
/// <param name="LongerPreferred">Share of these won by the longer plan, Wilson's interval.</param>
/// <param name="PValue">Exact binomial test of that share against ½.</param>
/// <param name="MeanDifference">Mean difference of words, arm 1 minus arm 2.</param>
/// <param name="Controlled">Win rate at equal lengths; null when it cannot be told.</param>
public sealed record LengthFinding(int Decided, Estimate LongerPreferred, double PValue, double MeanDifference, LengthControlled? Controlled);

/// <summary>A goal that experts disagree about.</summary>
/// <param name="Goal">The goal.</param>
/// <param name="Disagreement">Share of pairs of experts who answered differently, 0–1.</param>
/// <param name="Adjudicated">The decision; null while there is none.</param>
public sealed record DisagreedGoal(GoalResult Goal, double Disagreement, PairOutcome? Adjudicated);
