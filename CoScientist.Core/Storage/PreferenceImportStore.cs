using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Plans;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Answers of experts that were exported elsewhere, back into studies; each answer once, each file in one transaction.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class PreferenceImportStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    private static readonly HashSet<string> s_typed = new(["sandbox", "arm1_is_left", "active_milliseconds", "strength", "score1", "score2", "criteria", "items", "rubric_version"], StringComparer.Ordinal);

    /// <summary>
    /// Imports rows of <see cref="ExportStore.PreferencesAsync"/>. Goals are found by id or key, plans by id, else the arm's newest for the goal. A
    /// study of that name and these arms takes the answers; where there is none, a closed one is made, so that nobody answers it again.
    /// </summary>
    /// <param name="fileName">The file's name, for messages.</param>
    /// <param name="content">CSV where the name ends in .csv, else one JSON object a line.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    /// <exception cref="DatasetFormatException">No line is an answer; nothing changed.</exception>
    public Task<RowsImport> ImportAsync(string fileName, Stream content, CancellationToken cancellationToken) =>
        TableImport.RunAsync(factory, fileName, content, s_typed, (db, row, token) => AddAsync(db, Row.Parse(row), token), "it is no answer as 'export preferences' writes it.", cancellationToken);

    // Saved row by row inside the transaction, so that each row finds what the ones before it made.
    private async Task<bool> AddAsync(CoScientistDb db, Row row, CancellationToken cancellationToken)
    {
        var hasId = TypedId.TryParse<GoalId>(row.Goal, out var id);
        var goal = await db.Goals.AsNoTracking().FirstOrDefaultAsync(g => (hasId && g.Id == id) || (row.GoalKey != null && g.ExternalKey == row.GoalKey), cancellationToken)
            ?? throw new StudyException($"there is no goal '{row.GoalKey ?? row.Goal}'. Import the goals first.");
        var plan1 = await PlanAsync(db, goal.Id, row.Plan1, row.Arm1, cancellationToken);
        var plan2 = await PlanAsync(db, goal.Id, row.Plan2, row.Arm2, cancellationToken);
        var study = await StudyAsync(db, row, goal.IsSandbox, cancellationToken);
        var comparison = await db.Comparisons.FirstOrDefaultAsync(c => c.StudyId == study.Id && c.GoalId == goal.Id, cancellationToken);
        if (comparison is null)
        {
            comparison = new Comparison { Id = TypedId.New<ComparisonId>(time), StudyId = study.Id, GoalId = goal.Id, Plan1Id = plan1, Plan2Id = plan2, Order = await db.Comparisons.CountAsync(c => c.StudyId == study.Id, cancellationToken), Kind = row.Kind };
            db.Comparisons.Add(comparison);
        }

        var assignment = await db.Assignments.FirstOrDefaultAsync(a => a.ComparisonId == comparison.Id && a.ExpertId == row.Expert, cancellationToken);
        if (assignment is null)
        {
            assignment = new Assignment { Id = TypedId.New<AssignmentId>(time), ComparisonId = comparison.Id, ExpertId = row.Expert, Arm1IsLeft = row.Arm1IsLeft, CreatedAt = row.At ?? time.GetUtcNow() };
            db.Assignments.Add(assignment);
        }
        else if (await db.Preferences.AnyAsync(p => p.AssignmentId == assignment.Id && p.UndoneAt == null, cancellationToken))
        {
            return false;
        }

        db.Preferences.Add(new Preference
        {
            Id = TypedId.New<PreferenceId>(time),
            AssignmentId = assignment.Id,
            Choice = row.Choice,
            Reason = row.Reason,
            DetailsJson = row.Details.Write(),
            ActiveMilliseconds = row.Milliseconds,
            At = row.At ?? time.GetUtcNow(),
        });
        await db.SaveChangesAsync(cancellationToken);
        return true;
    }

    private static async Task<PlanId> PlanAsync(CoScientistDb db, GoalId goal, string plan, string writer, CancellationToken cancellationToken)
    {
        var hasId = TypedId.TryParse<PlanId>(plan, out var id);
        var found = await db.Plans.Where(p => p.GoalId == goal && ((hasId && p.Id == id) || p.Writer == writer)).Select(p => new { p.Id, p.CreatedAt }).ToListAsync(cancellationToken);
        return found.OrderBy(p => hasId && p.Id == id ? 0 : 1).ThenByDescending(p => p.CreatedAt).FirstOrDefault()?.Id
            ?? throw new StudyException($"there is no plan of '{writer}' for its goal. Import the plans first.");
    }

    private async Task<Study> StudyAsync(CoScientistDb db, Row row, bool isSandbox, CancellationToken cancellationToken)
    {
        var study = await db.Studies.FirstOrDefaultAsync(s => s.Name == row.Study, cancellationToken);
        if (study is not null)
        {
            return study.Arm1 == row.Arm1 && study.Arm2 == row.Arm2 && study.IsSandbox == isSandbox && study.State != StudyState.Locked
                ? study
                : throw new StudyException($"the study named \"{row.Study}\" compares others, or is locked. Rename the one in the file.");
        }

        study = new Study { Id = TypedId.New<StudyId>(time), Name = row.Study, Arm1 = row.Arm1, Arm2 = row.Arm2, State = StudyState.Closed, IsSandbox = isSandbox, CreatedAt = time.GetUtcNow() };
        db.Studies.Add(study);
        db.StudyEvents.Add(new StudyEvent { Id = TypedId.New<StudyEventId>(time), StudyId = study.Id, By = "", What = "made it from an import", At = study.CreatedAt });
        await db.SaveChangesAsync(cancellationToken);
        return study;
    }

    private sealed record Row(string Study, string Goal, string? GoalKey, string Plan1, string Plan2, string Arm1, string Arm2, bool Arm1IsLeft, PreferenceChoice Choice, string? Reason, long Milliseconds, string Expert, DateTimeOffset? At, ComparisonKind Kind, AnswerDetails Details)
    {
        public static Row Parse(JsonElement root)
        {
            var left = root.GetProperty("arm1_is_left").GetBoolean();
            return new Row(
                Required("study"), Required("goal_id"), Text("goal_key"), Required("plan1_id"), Required("plan2_id"), Required("arm1"), Required("arm2"), left,
                Enum.Parse<PreferenceChoice>(Required("choice")), Text("reason"), Number("active_milliseconds") ?? 0, Required("expert"),
                Text("at") is { } at ? DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal) : null,
                Text("kind") is { } kind ? Enum.Parse<ComparisonKind>(kind) : ComparisonKind.Counts,
                new AnswerDetails
                {
                    Strength = (int?)Number("strength"),
                    ScoreA = (int?)Number(left ? "score1" : "score2"),
                    ScoreB = (int?)Number(left ? "score2" : "score1"),
                    Criteria = Value("criteria") is { } criteria ? criteria.EnumerateObject().ToDictionary(c => Enum.Parse<Criterion>(c.Name), c => Side(c.Value.GetString(), left)) : new Dictionary<Criterion, PreferenceChoice>(),
                    Items = Value("items") is { } items ? [.. items.EnumerateArray().Select(i => new ItemMarks(i.GetProperty("item").GetString()!, i.GetProperty("text").GetString()!, Mark(i, left ? "arm1" : "arm2"), Mark(i, left ? "arm2" : "arm1"), i.GetProperty("needed") is { ValueKind: not JsonValueKind.Null } needed ? needed.GetBoolean() : null))] : [],
                    RubricVersion = (int?)Number("rubric_version"),
                });

            JsonElement? Value(string name) => root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
            string? Text(string name) => Value(name)?.GetString();
            string Required(string name) => Text(name) is { Length: > 0 } text ? text : throw new FormatException($"It has no {name}.");
            long? Number(string name) => Value(name)?.GetInt64();
        }

        private static ItemMark? Mark(JsonElement item, string side) => item.GetProperty(side).GetString() is { } mark ? Enum.Parse<ItemMark>(mark) : null;

        private static PreferenceChoice Side(string? preferred, bool left) => preferred switch
        {
            "arm1" => left ? PreferenceChoice.A : PreferenceChoice.B,
            "arm2" => left ? PreferenceChoice.B : PreferenceChoice.A,
            "tie" => PreferenceChoice.Tie,
            _ => throw new FormatException("A criterion prefers arm1, arm2 or is a tie."),
        };
    }
}
