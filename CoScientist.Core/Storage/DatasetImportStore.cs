using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Plans;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>What an import of rows changed.</summary>
/// <param name="Imported">New rows.</param>
/// <param name="AlreadyThere">Rows that were imported before.</param>
/// <param name="Skipped">Faulty rows, with their lines.</param>
public sealed record RowsImport(int Imported, int AlreadyThere, IReadOnlyList<RowFault> Skipped);

/// <summary>How rows of a dataset come in.</summary>
public sealed record DatasetImportOptions
{
    /// <summary>Field of research; null takes the row's category, else its subdomain.</summary>
    public string? Domain { get; init; }

    /// <summary>Part of the data for all rows that name none themselves; null draws it by article.</summary>
    public GoalSplit? Split { get; init; }

    /// <summary>Seed of that draw; 0 by default.</summary>
    public long Seed { get; init; }

    /// <summary>Whether rows without fault come in although others have one; false by default: then nothing comes in.</summary>
    public bool SkipFaulty { get; init; }
}

/// <summary>Rows of datasets and plans into the library: each file in one transaction, each row once.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class DatasetImportStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Imports research-plan-gen rows as goals with their rubrics, checked by wording: all rows or, when one is faulty, none.</summary>
    /// <param name="fileName">Name with extension; see <see cref="DatasetReader"/>.</param>
    /// <param name="content">The file.</param>
    /// <param name="options">Field of research, part of the data, what to do about faulty rows.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    /// <returns>What changed. With faulty rows that are not to be skipped, nothing did.</returns>
    /// <exception cref="DatasetFormatException">The file is no dataset; nothing changed.</exception>
    public async Task<RowsImport> ImportGoalsAsync(string fileName, Stream content, DatasetImportOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var sha = SHA256.Create();
        await using var hashed = new CryptoStream(content, sha, CryptoStreamMode.Read, leaveOpen: true);
        var (rows, faults) = await Task.Run(() => DatasetReader.Read(fileName, hashed, cancellationToken), cancellationToken);
        if (faults.Count > 0 && !options.SkipFaulty)
        {
            return new RowsImport(0, 0, faults);
        }

        var hash = Convert.ToHexStringLower(sha.Hash!);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);

        // Alone from the start: nobody else adds the same rows in between.
        await using var transaction = await db.Database.BeginAloneAsync(Transactions.Library, cancellationToken);

        // Room for the pages that a large file touches: with the usual 2 MB they are written and read again many times.
        if (db.Database.IsSqlite())
        {
            await db.Database.ExecuteSqlAsync($"PRAGMA cache_size = -131072", cancellationToken);
        }

        var known = (await db.Goals.Where(goal => goal.ExternalKey != null).Select(goal => goal.ExternalKey!).ToListAsync(cancellationToken)).ToHashSet(StringComparer.Ordinal);

        // An export names the goals that were drawn here by their ids.
        var own = (await db.Goals.Where(goal => goal.ExternalKey == null).Select(goal => goal.Id).ToListAsync(cancellationToken)).Select(id => id.ToString()).ToHashSet(StringComparer.Ordinal);
        List<(DatasetRow Row, Goal Goal)> fresh = [.. rows.Where(row => !own.Contains(row.QuestionId) && known.Add(row.Key)).Select(row => (row, NewGoal(row, options)))];
        await SearchIndex.InsertGoalsAsync(db, fresh.ConvertAll(row => row.Goal), cancellationToken);
        await ItemCheckStore.CheckNewAsync(db, fresh.Select(row => row.Goal), time.GetUtcNow(), cancellationToken);
        await db.InsertRowsAsync(fresh.Select(row => new GoalSource { GoalId = row.Goal.Id, FileName = Path.GetFileName(fileName), FileHash = hash, Line = row.Row.Line, Columns = row.Row.Columns }), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new RowsImport(fresh.Count, rows.Count - fresh.Count, faults);
    }

    /// <summary>Imports plans: one JSON object a line, with goal_id or external_key, writer, and text.</summary>
    /// <param name="fileName">The file's name, for messages.</param>
    /// <param name="content">The file.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    /// <exception cref="DatasetFormatException">No line is a plan; nothing changed.</exception>
    public async Task<RowsImport> ImportPlansAsync(string fileName, Stream content, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        using var reader = new StreamReader(content, Encoding.UTF8);
        var faults = new List<RowFault>();
        var fresh = new HashSet<(GoalId Goal, string Writer, string Text)>();
        var known = 0;
        for (var line = 1; await reader.ReadLineAsync(cancellationToken) is { } text; line++)
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                continue;
            }

            if (ReadPlan(text) is not { } plan)
            {
                faults.Add(new RowFault(line, "it is no JSON object with goal_id or external_key, writer and text."));
            }
            else if (await FindGoalAsync(db, plan.Goal, cancellationToken) is not { } goal)
            {
                faults.Add(new RowFault(line, $"there is no goal '{plan.Goal}'. Import the goals first."));
            }
            else if (!fresh.Add((goal, plan.Writer, plan.Text)) || await db.Plans.AnyAsync(other => other.GoalId == goal && other.Writer == plan.Writer && other.Text == plan.Text, cancellationToken))
            {
                known++;
            }
            else
            {
                db.Plans.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal, Writer = plan.Writer, Text = plan.Text, CreatedAt = time.GetUtcNow() });
            }
        }

        var imported = db.ChangeTracker.Entries<Plan>().Count();
        if (imported + known == 0)
        {
            throw new DatasetFormatException(fileName, faults.Count == 0 ? "it has no rows." : $"no line could be imported (line {faults[0].Line}: {faults[0].Message})");
        }

        await db.SaveChangesAsync(cancellationToken);
        return new RowsImport(imported, known, faults);
    }

    private Goal NewGoal(DatasetRow row, DatasetImportOptions options)
    {
        var id = TypedId.New<GoalId>(time);
        return new Goal
        {
            Id = id,
            Domain = (options.Domain ?? row.Category ?? row.Subdomain ?? "general").Trim().ToLowerInvariant(),
            Text = row.Goal,
            ReferenceSolution = row.ReferenceSolution,
            Split = row.Split ?? options.Split ?? GoalSplits.Of(row.ArticleId, options.Seed),
            Origin = "dataset",
            ExternalKey = row.Key,
            RubricVersion = row.RubricVersion,
            CreatedAt = time.GetUtcNow(),
            Items = [.. row.Rubric.Select((text, order) => new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = id, Order = order, Text = text, ProposedText = text, Weight = row.Weights?[order] ?? 1 })],
        };
    }

    private static (string Goal, string Writer, string Text)? ReadPlan(string line)
    {
        try
        {
            using var document = JsonText.Parse(line);
            var row = document.RootElement;
            string? Field(string name) => row.ValueKind == JsonValueKind.Object && row.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { } text && text.Trim().Length > 0 ? text.Trim() : null;
            return (Field("goal_id") ?? Field("external_key"), Field("writer"), Field("text")) is ({ } goal, { } writer, { } plan) ? (goal, writer, plan) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<GoalId?> FindGoalAsync(CoScientistDb db, string key, CancellationToken cancellationToken)
    {
        var isId = TypedId.TryParse<GoalId>(key, out var id);
        var found = await db.Goals.Where(goal => goal.ExternalKey == key || (isId && goal.Id == id)).Select(goal => goal.Id).Take(1).ToListAsync(cancellationToken);
        return found.Count == 0 ? null : found[0];
    }
}
