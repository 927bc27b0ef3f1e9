namespace CoScientist.Core.Studies;

/// <summary>A request that a study cannot grant: the message says what and the remedy. Nothing was changed.</summary>
public sealed class StudyException(string message) : Exception(message);

/// <summary>One pair as its expert may see it: nothing in it tells which arm wrote which plan.</summary>
public sealed record BlindPair
{
    /// <summary>What an answer names.</summary>
    public required AssignmentId Assignment { get; init; }

    /// <summary>Position in the study, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>The goal both plans answer.</summary>
    public required string Goal { get; init; }

    /// <summary>The left plan, scrubbed (see <see cref="Blinding"/>); Markdown of an untrusted writer.</summary>
    public required string PlanA { get; init; }

    /// <summary>The right plan, as <see cref="PlanA"/>.</summary>
    public required string PlanB { get; init; }

    /// <summary>The answer that the expert took back; null for a new pair.</summary>
    public PreferenceChoice? TakenBack { get; init; }

    /// <summary>The reason that went with it.</summary>
    public string? TakenBackReason { get; init; }

    /// <summary>Whether it is for practice and does not count.</summary>
    public bool IsPractice { get; init; }
}

/// <summary>A study as an expert sees it in a list: its name, never its arms.</summary>
/// <param name="Id">Key.</param>
/// <param name="Name">Name.</param>
/// <param name="Guidelines">What the experts are told.</param>
/// <param name="State">Whether answers are taken.</param>
/// <param name="IsSandbox">Whether its goals are the sandbox's.</param>
/// <param name="Answered">Pairs this expert has answered.</param>
/// <param name="Total">Pairs of the study.</param>
/// <param name="LastAnswerAt">When this expert answered last (UTC); null before the first answer.</param>
public sealed record ExpertStudy(StudyId Id, string Name, string Guidelines, StudyState State, bool IsSandbox, int Answered, int Total, DateTimeOffset? LastAnswerAt)
{
    /// <summary>Pairs left for this expert.</summary>
    public int Left => Total - Answered;

    /// <summary>What is asked about a pair.</summary>
    public StudyForm Form { get; init; } = new();

    /// <summary>Whether pairs are in other experts' hands and may come free again.</summary>
    public bool MayComeFree { get; init; }

    /// <summary>When the organisers last reminded those who have pairs left (UTC); null when they have not. Told in the list of studies.</summary>
    public DateTimeOffset? RemindedAt { get; init; }

    /// <summary>Whether this expert is to be reminded: pairs are left, and none was answered since.</summary>
    public bool IsReminded => State == StudyState.Open && Left > 0 && RemindedAt is { } at && !(LastAnswerAt > at);
}

/// <summary>How far an expert is, for organisers.</summary>
/// <param name="Name">Name of the account.</param>
/// <param name="Answered">Pairs answered.</param>
/// <param name="Left">Pairs left for this expert, as places stand now.</param>
/// <param name="LastAnswerAt">Time of the last answer (UTC); null before the first.</param>
public sealed record ExpertProgress(string Name, int Answered, int Left, DateTimeOffset? LastAnswerAt);

/// <summary>What the page of a pair shows an expert.</summary>
/// <param name="Study">The study with the expert's progress; null when there is none for this expert.</param>
/// <param name="Pair">The next pair; null when none is left or the study is not open.</param>
/// <param name="Draft">What of an answer to it is stored; null when there is no pair.</param>
public sealed record ExpertTurn(ExpertStudy? Study, BlindPair? Pair, AnswerDraft? Draft);

/// <summary>A study in the researchers' list.</summary>
/// <param name="Id">Key.</param>
/// <param name="Name">Name.</param>
/// <param name="Arm1">The arm whose win rate is reported.</param>
/// <param name="Arm2">The baseline.</param>
/// <param name="State">Whether answers are taken.</param>
/// <param name="IsSandbox">Whether its goals are the sandbox's.</param>
/// <param name="CreatedAt">When it was made (UTC).</param>
/// <param name="Pairs">Pairs, one per goal.</param>
/// <param name="AnsweredPairs">Pairs with at least one answer.</param>
/// <param name="Answers">Answers that count.</param>
/// <param name="Experts">Experts who gave them.</param>
public sealed record StudySummary(StudyId Id, string Name, string Arm1, string Arm2, StudyState State, bool IsSandbox, DateTimeOffset CreatedAt, int Pairs, int AnsweredPairs, int Answers, int Experts);

/// <summary>A writer that can be an arm: it has plans in the library.</summary>
/// <param name="Name">Name of the writer, or <see cref="Reference"/>.</param>
/// <param name="IsSandbox">Whether the goals are the sandbox's; the same writer is listed once for each kind.</param>
/// <param name="Goals">Goals it has a plan for.</param>
public sealed record StudyArm(string Name, bool IsSandbox, int Goals)
{
    /// <summary>Name of the arm that stands for the goals' reference solutions.</summary>
    public const string Reference = "reference";
}

/// <summary>What a new study is made of.</summary>
public sealed record StudyDraft
{
    /// <summary>Name, shown to experts: must not name the arms.</summary>
    public required string Name { get; init; }

    /// <summary>The arm whose win rate is reported.</summary>
    public required string Arm1 { get; init; }

    /// <summary>The baseline.</summary>
    public required string Arm2 { get; init; }

    /// <summary>Whether to take the sandbox's goals or real ones; never both.</summary>
    public required bool IsSandbox { get; init; }

    /// <summary>Number of goals.</summary>
    public required int Goals { get; init; }

    /// <summary>What the experts are told; must not name the arms.</summary>
    public string Guidelines { get; init; } = "";

    /// <summary>Seed of the draw of goals. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Answers wanted for each goal; null (default) lets every expert answer every pair.</summary>
    public int? Overlap { get; init; }

    /// <summary>Minutes for which a pair is kept for an expert. Default 60.</summary>
    public int ReservationMinutes { get; init; } = 60;

    /// <summary>Whether only invited experts see it. Default false.</summary>
    public bool InvitedOnly { get; init; }

    /// <summary>What is asked. Default: the overall preference only.</summary>
    public StudyForm Form { get; init; } = new();

    /// <summary>How many of the goals are for practice: shown first, never counted. Default 0.</summary>
    public int Practice { get; init; }

    /// <summary>Whether it opens at once (default) or stays a draft to look at first.</summary>
    public bool Open { get; init; } = true;

    /// <summary>Who makes it, for the audit trail.</summary>
    public string By { get; init; } = "";
}

/// <summary>A ready-made study: the picked checkpoint of the newest finished run against what it started from.</summary>
/// <param name="Run">Name of the run.</param>
/// <param name="Arm1">The picked checkpoint.</param>
/// <param name="Arm2">The base.</param>
/// <param name="IsSandbox">Whether it is the sandbox's.</param>
/// <param name="Goals">Goals both have plans for.</param>
public sealed record StudySuggestion(string Run, string Arm1, string Arm2, bool IsSandbox, int Goals);

/// <summary>Set-up of a study, for its organisers.</summary>
/// <param name="Study">The study.</param>
/// <param name="Pairs">Its pairs in order, with the goals' texts.</param>
/// <param name="Invitations">Its invitations, newest first, and how many experts each let in.</param>
/// <param name="Trail">Who did what, newest first.</param>
/// <param name="HasAnswers">Whether there are answers, so that the set-up is fixed.</param>
public sealed record StudySetup(Study Study, IReadOnlyList<(Comparison Pair, string Goal)> Pairs, IReadOnlyList<(StudyInvitation Invitation, int Uses)> Invitations, IReadOnlyList<StudyTrailEntry> Trail, bool HasAnswers);

/// <summary>One entry of a study's audit trail.</summary>
/// <param name="At">When (UTC).</param>
/// <param name="By">Name of the account.</param>
/// <param name="What">What was done.</param>
public sealed record StudyTrailEntry(DateTimeOffset At, string By, string What);
