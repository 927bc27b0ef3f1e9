using System.Buffers;
using System.Data.Common;
using System.Text;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>
/// Texts as PostgreSQL can hold them: it has no place for the character NUL, nor for half a surrogate pair, which is no character.
/// Both come from damaged files and from pasting; they are replaced by U+FFFD, the sign for what could not be read, instead of
/// losing a paper or an answer for one of them.
/// </summary>
internal sealed class PostgresText : DbCommandInterceptor
{
    public static readonly PostgresText Instance = new();

    private static readonly SearchValues<char> s_suspects = SearchValues.Create([.. Enumerable.Range(0xD800, 0x800).Select(code => (char)code), '\0']);

    /// <summary>The text itself when nothing is wrong with it.</summary>
    public static string Clean(string text)
    {
        if (!text.AsSpan().ContainsAny(s_suspects))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            clean.Append((rune.Value == 0 ? Rune.ReplacementChar : rune).ToString());
        }

        return clean.ToString();
    }

    public override InterceptionResult<DbDataReader> ReaderExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
    {
        Clean(command);
        return result;
    }

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        Clean(command);
        return new(result);
    }

    public override InterceptionResult<int> NonQueryExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<int> result)
    {
        Clean(command);
        return result;
    }

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        Clean(command);
        return new(result);
    }

    private static void Clean(DbCommand command)
    {
        foreach (DbParameter parameter in command.Parameters)
        {
            parameter.Value = parameter.Value switch
            {
                string text => Clean(text),
                string?[] texts => Array.ConvertAll(texts, text => text is null ? null : Clean(text)),
                List<string?> texts => texts.ConvertAll(text => text is null ? null : Clean(text)),
                var other => other,
            };
        }
    }
}
