using System.Text.Json;
using CoScientist.Core.Interchange;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Brings rows of a file into the database, one after the other, each file in one transaction; rows that cannot be are told with their lines.</summary>
internal static class TableImport
{
    /// <summary>Imports the rows in their order.</summary>
    /// <param name="factory">Opens the database.</param>
    /// <param name="fileName">The file's name: .csv is CSV, all else JSON lines.</param>
    /// <param name="content">The file.</param>
    /// <param name="typed">Columns that are numbers, truth values or JSON.</param>
    /// <param name="add">Saves a row inside the transaction, so that the next one finds it; false where it was there before.</param>
    /// <param name="unreadable">What is said of a row that is nothing of the kind.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    /// <exception cref="DatasetFormatException">No line could be imported; nothing changed.</exception>
    public static async Task<RowsImport> RunAsync(
        IDbContextFactory<CoScientistDb> factory,
        string fileName,
        Stream content,
        IReadOnlySet<string> typed,
        Func<CoScientistDb, JsonElement, CancellationToken, Task<bool>> add,
        string unreadable,
        CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync(Transactions.Library, cancellationToken);
        var (faults, imported, known) = (new List<RowFault>(), 0, 0);
        foreach (var (number, row) in TableRows.Read(fileName, content, typed))
        {
            try
            {
                if (await add(db, row ?? throw new FormatException(), cancellationToken))
                {
                    imported++;
                }
                else
                {
                    known++;
                }
            }
            catch (Exception fault) when (fault is StudyException or ReviewRefusedException)
            {
                faults.Add(new RowFault(number, fault.Message));
            }
            catch (Exception fault) when (fault is JsonException or ArgumentException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                faults.Add(new RowFault(number, unreadable));
            }
        }

        if (imported + known == 0)
        {
            throw new DatasetFormatException(fileName, faults.Count == 0 ? "it has no rows." : $"no line could be imported (line {faults[0].Line}: {faults[0].Message})");
        }

        await transaction.CommitAsync(cancellationToken);
        return new RowsImport(imported, known, faults);
    }
}
