using CoScientist.Core.Goals;
using CoScientist.Core.Plans;

namespace CoScientist.Core.Studies;

/// <summary>Key of a <see cref="Study"/>.</summary>
public readonly record struct StudyId(Guid Value) : ITypedId<StudyId>
{
    /// <inheritdoc/>
    public static StudyId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Where a study stands.</summary>
public enum StudyState
{
    /// <summary>Experts can answer.</summary>
    Open,

    /// <summary>Answers wait: experts see that the study rests, and what they began is kept.</summary>
    Paused,

    /// <summary>Being set up: experts do not see it.</summary>
    Draft,

    /// <summary>No more answers; results stay. It can be opened again.</summary>
    Closed,

    /// <summary>Closed for good: nothing of it changes any more.</summary>
    Locked,
}

/// <summary>What a pair is for.</summary>
public enum ComparisonKind
{
    /// <summary>Its answers are the study's result.</summary>
    Counts,

    /// <summary>Shown to every expert first, to learn the form; never counted.</summary>
    Practice,

    /// <summary>A question with a known answer, shown to every expert; counted for the expert, never for the arms.</summary>
    Gold,
}

/// <summary>A blind comparison of the plans of two writers ("arms") on the same goals.</summary>
public sealed class Study
{
    /// <summary>Key.</summary>
    public required StudyId Id { get; init; }

    /// <summary>Name, shown to experts: must not name the arms.</summary>
    public required string Name { get; set; }

    /// <summary>Name of arm 1, the one whose win rate is reported. Never shown to experts.</summary>
    public required string Arm1 { get; init; }

    /// <summary>Name of arm 2, the baseline. Never shown to experts.</summary>
    public required string Arm2 { get; init; }

    /// <summary>What the experts are told.</summary>
    public string Guidelines { get; set; } = "";

    /// <summary>Where it stands.</summary>
    public StudyState State { get; set; }

    /// <summary>Answers wanted for each goal, each of another expert; null lets every expert answer every pair.</summary>
    public int? Overlap { get; set; }

    /// <summary>Minutes for which a pair shown to an expert is kept for that expert. A later answer still counts.</summary>
    public int ReservationMinutes { get; set; } = 60;

    /// <summary>Whether only invited experts see it.</summary>
    public bool InvitedOnly { get; set; }

    /// <summary>What is asked, as stored.</summary>
    public string FormJson { get; set; } = "{}";

    /// <summary>What is asked.</summary>
    public StudyForm Form
    {
        get => StudyForm.Read(FormJson);
        set => FormJson = value.Write();
    }

    /// <summary>True when its goals are the sandbox's.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>When it was made (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The pairs, one per goal.</summary>
    public List<Comparison> Comparisons { get; set; } = [];
}

/// <summary>Key of a <see cref="Comparison"/>.</summary>
public readonly record struct ComparisonId(Guid Value) : ITypedId<ComparisonId>
{
    /// <inheritdoc/>
    public static ComparisonId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Two plans for one goal.</summary>
public sealed class Comparison
{
    /// <summary>Key.</summary>
    public required ComparisonId Id { get; init; }

    /// <summary>The study.</summary>
    public required StudyId StudyId { get; init; }

    /// <summary>The goal.</summary>
    public required GoalId GoalId { get; init; }

    /// <summary>Plan of arm 1.</summary>
    public required PlanId Plan1Id { get; init; }

    /// <summary>Plan of arm 2.</summary>
    public required PlanId Plan2Id { get; init; }

    /// <summary>Position in the study, from 0.</summary>
    public required int Order { get; init; }

    /// <summary>What it is for.</summary>
    public ComparisonKind Kind { get; set; }

    /// <summary>The right answer to a gold question.</summary>
    public PairOutcome? Expected { get; set; }
}

/// <summary>Key of an <see cref="Assignment"/>.</summary>
public readonly record struct AssignmentId(Guid Value) : ITypedId<AssignmentId>
{
    /// <inheritdoc/>
    public static AssignmentId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>A comparison as one expert sees it: the side is drawn once, stored, and never changes.</summary>
public sealed class Assignment
{
    /// <summary>Key.</summary>
    public required AssignmentId Id { get; init; }

    /// <summary>The comparison.</summary>
    public required ComparisonId ComparisonId { get; init; }

    /// <summary>The expert's account.</summary>
    public required string ExpertId { get; init; }

    /// <summary>Whether the plan of arm 1 stands left (is plan A).</summary>
    public required bool Arm1IsLeft { get; init; }

    /// <summary>When the expert first saw it (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Until when the pair is kept for this expert (UTC); null for ever.</summary>
    public DateTimeOffset? ReservedUntil { get; set; }

    /// <summary>When the expert passed it over (UTC); null when not.</summary>
    public DateTimeOffset? SkippedAt { get; set; }
}

/// <summary>What an expert prefers; A is the left plan.</summary>
public enum PreferenceChoice
{
    /// <summary>The left plan.</summary>
    A,

    /// <summary>The right plan.</summary>
    B,

    /// <summary>Both equally good.</summary>
    Tie,

    /// <summary>Neither is acceptable.</summary>
    BothBad,
}

/// <summary>Key of a <see cref="Preference"/>.</summary>
public readonly record struct PreferenceId(Guid Value) : ITypedId<PreferenceId>
{
    /// <inheritdoc/>
    public static PreferenceId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>An expert's answer. Answers are only ever added; an undone one stays with its <see cref="UndoneAt"/>.</summary>
public sealed class Preference
{
    /// <summary>Key.</summary>
    public required PreferenceId Id { get; init; }

    /// <summary>What was answered.</summary>
    public required AssignmentId AssignmentId { get; init; }

    /// <summary>The answer.</summary>
    public required PreferenceChoice Choice { get; init; }

    /// <summary>Written reason; optional.</summary>
    public string? Reason { get; init; }

    /// <summary>Everything else that the form asked, as stored.</summary>
    public string DetailsJson { get; init; } = "{}";

    /// <summary>Everything else that the form asked.</summary>
    public AnswerDetails Details => AnswerDetails.Read(DetailsJson);

    /// <summary>Active time on the task, milliseconds.</summary>
    public long ActiveMilliseconds { get; init; }

    /// <summary>When it was given (UTC).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When it was taken back; null while it counts.</summary>
    public DateTimeOffset? UndoneAt { get; set; }
}
