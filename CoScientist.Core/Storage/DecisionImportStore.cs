using System.Globalization;
using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Decisions on rubric items that were exported elsewhere, back onto their items; each decision once, each file in one transaction.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class DecisionImportStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    private static readonly HashSet<string> s_typed = new(["sandbox", "weight_before", "weight_after", "rubric_version", "item_number"], StringComparer.Ordinal);

    /// <summary>
    /// Imports rows of <see cref="ExportStore.DecisionsAsync"/>, in their order. Items are found by id, else by their goal's key and their number. A decision
    /// is taken over only where its item is as it was when the decision was made, so that nothing decided here is overwritten.
    /// </summary>
    /// <param name="fileName">The file's name, for messages.</param>
    /// <param name="content">CSV where the name ends in .csv, else one JSON object a line.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    /// <exception cref="DatasetFormatException">No line is a decision; nothing changed.</exception>
    public Task<RowsImport> ImportAsync(string fileName, Stream content, CancellationToken cancellationToken) =>
        TableImport.RunAsync(factory, fileName, content, s_typed, AddAsync, "it is no decision as 'export decisions' writes it.", cancellationToken);

    // Saved row by row inside the transaction, so that each row finds what the ones before it made.
    private async Task<bool> AddAsync(CoScientistDb db, JsonElement row, CancellationToken cancellationToken)
    {
        var id = Id<ReviewDecisionId>(Required(row, "decision_id"));
        if (await db.ReviewDecisions.AnyAsync(d => d.Id == id, cancellationToken))
        {
            return false;
        }

        var (itemId, key, number) = (Id<RubricItemId>(Required(row, "item_id")), Text(row, "goal_key"), Value(row, "item_number")?.GetInt32());
        var item = await db.RubricItems.FirstOrDefaultAsync(i => i.Id == itemId, cancellationToken)
            ?? await db.RubricItems.FirstOrDefaultAsync(i => key != null && i.Order == number && db.Goals.Any(g => g.Id == i.GoalId && g.ExternalKey == key), cancellationToken)
            ?? throw new ReviewRefusedException($"there is no rubric item '{itemId}'. Import its goal first.");
        var goal = await db.Goals.FirstAsync(g => g.Id == item.GoalId, cancellationToken);
        var decision = new ReviewDecision
        {
            Id = id,
            ItemId = item.Id,
            ReviewerId = Required(row, "reviewer"),
            Action = Enum.Parse<ReviewAction>(Required(row, "action")),
            Reason = Text(row, "reason") is { } reason ? Enum.Parse<RejectionReason>(reason) : null,
            Note = Text(row, "note"),
            TextBefore = Required(row, "text_before"),
            TextAfter = Required(row, "text_after"),
            StateBefore = Enum.Parse<RubricItemState>(Required(row, "state_before")),
            StateAfter = Enum.Parse<RubricItemState>(Required(row, "state_after")),
            WeightBefore = Value(row, "weight_before")?.GetDouble() ?? 1,
            WeightAfter = Value(row, "weight_after")?.GetDouble() ?? 1,
            RubricVersion = Math.Max(goal.RubricVersion + 1, Value(row, "rubric_version")?.GetInt32() ?? 0),
            Undoes = Text(row, "undoes") is { } undoes ? Id<ReviewDecisionId>(undoes) : null,
            At = Text(row, "at") is { } at ? DateTimeOffset.Parse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) : time.GetUtcNow(),
        };
        if (decision.Undoes is { } undone && !await db.ReviewDecisions.AnyAsync(d => d.Id == undone, cancellationToken))
        {
            throw new ReviewRefusedException("it takes back a decision that is not here. Import that one, too.");
        }

        if (decision.WeightAfter is not (> 0 and <= RubricItem.MaxWeight) || decision.TextAfter.Length > ReviewStore.MaxTextLength)
        {
            throw new FormatException();
        }

        if ((item.State, item.Text, item.Weight) != (decision.StateBefore, decision.TextBefore, decision.WeightBefore))
        {
            throw new ReviewRefusedException($"its item is {ReviewStore.Words(item.State)} here and reads \"{item.Text}\": it was decided on otherwise, so the decision does not fit. Take that back first.");
        }

        (item.State, item.Text, item.Weight, goal.RubricVersion) = (decision.StateAfter, decision.TextAfter, decision.WeightAfter, decision.RubricVersion);
        db.ReviewDecisions.Add(decision);
        await db.SaveChangesAsync(cancellationToken);
        if (!string.Equals(decision.TextBefore, decision.TextAfter, StringComparison.Ordinal))
        {
            await ItemCheckStore.RecheckAsync(db, goal.Id, item.Id, decision.At, cancellationToken);
        }

        return true;
    }

    private static TId Id<TId>(string text)
        where TId : struct, ITypedId<TId> => TypedId.TryParse<TId>(text, out var id) ? id : throw new FormatException();

    private static JsonElement? Value(JsonElement row, string name) => row.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Text(JsonElement row, string name) => Value(row, name)?.GetString();

    private static string Required(JsonElement row, string name) => Text(row, name) is { Length: > 0 } text ? text : throw new FormatException();
}
