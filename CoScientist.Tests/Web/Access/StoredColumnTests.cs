using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>
/// Every text column of the database, walked by the model so that a new one is among them, holds markup, a script's attribute and a
/// formula with the column's own name. No page makes an element of it for anybody, and no file a formula.
/// </summary>
[Trait("Database", "any")]
public sealed partial class StoredColumnTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Payload = "=1+1\"'><img src=x onerror=stored()><b data-stored>";

    /// <summary>Columns whose content the program makes and looks up by; with a payload there is nothing to look at.</summary>
    private static readonly string[] s_made =
    [
        // What roles are called is fixed, and by what accounts are found.
        "AspNetRoles.ConcurrencyStamp", "AspNetRoles.Name", "AspNetRoles.NormalizedName", "AspNetUsers.ConcurrencyStamp", "AspNetUsers.NormalizedEmail", "AspNetUsers.NormalizedUserName", "AspNetUsers.PasswordHash", "AspNetUsers.SecurityStamp",
        // Where weights lie, and of what shape a prompt and a specification are.
        "Checkpoints.Path",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryTextColumn_WithMarkupAndAFormula_StaysTextOnEveryPageAndInEveryFile()
    {
        var house = await FullHouse.MakeAsync(server.Services, "somebody");
        await AnswerAsync(house.Study);
        await using (var db = await OpenAsync())
        {
            await TestRows.FillAsync(db, seed: 900_000);
        }

        var columns = await PoisonAsync();
        var (shown, faults, files) = (new HashSet<string>(StringComparer.Ordinal), new List<string>(), new HashSet<string>(StringComparer.Ordinal));
        using var administrator = await server.SignInAsync();
        using var nobody = server.CreateClient();
        HttpClient[] clients = [administrator, await server.ClientOfAsync(Roles.Researcher), await server.ClientOfAsync(Roles.Reviewer), await server.ClientOfAsync(Roles.Expert), nobody];
        foreach (var address in await AddressesAsync(house))
        {
            foreach (var client in clients)
            {
                using var answer = await client.GetAsync(address, Token);
                var html = await answer.Content.ReadAsStringAsync(Token);
                if (answer.StatusCode == HttpStatusCode.InternalServerError)
                {
                    faults.Add($"{address}: it fails");
                }

                faults.AddRange(Look(address, html));
                shown.UnionWith(Shown().Matches(WebUtility.HtmlDecode(html)).Select(match => match.Groups[1].Value));
                files.UnionWith(Markup.Tags(html).Where(tag => tag.Name == "a").Select(tag => tag.Attributes.GetValueOrDefault("href", "")).Where(link => link.Split('?')[0].EndsWith(".csv", StringComparison.Ordinal)));
            }
        }

        foreach (var file in files)
        {
            faults.AddRange(Formulas(file, await administrator.GetStringAsync("/" + file.TrimStart('/'), Token)));
        }

        faults.AddRange(await ExportsAsync());
        Assert.True(faults.Count == 0, string.Join('\n', faults.Distinct(StringComparer.Ordinal)));
        Assert.True(files.Count > 3, string.Join(' ', files));

        // The walk is of use only where pages show what was put in.
        var expected = columns.Intersect(["AspNetUsers.UserName", "AuditEntries.What", "AuditEntries.By", "Checkpoints.Tags", "Goals.Text", "LibraryJobSteps.Message", "ModelCalls.Error", "ModelFailures.Error", "Papers.Title", "Plans.Text", "ReviewDecisions.Note", "RubricItems.Text", "Runs.Error", "Studies.Name", "StudyInvitations.Label", "StudyEvents.What"]);
        Assert.True(columns.Count > 80, $"{columns.Count} columns");
        Assert.Equal([], expected.Except(shown));
    }

    [Fact]
    public void Markup_IsTakenFromTextInOnePlaceOnly() =>
        Assert.Equal(["SafeMarkdown"], typeof(CoScientist.Web.Components.App).Assembly.GetTypes()
            .Where(type => type.GetFields(BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public).Any(field => field.FieldType == typeof(MarkupString) || field.FieldType == typeof(MarkupString?)))
            .Select(type => type.Name));

    /// <summary>What a browser would make of what was stored.</summary>
    private static IEnumerable<string> Look(string address, string html)
    {
        foreach (var (name, attributes) in Markup.Tags(html))
        {
            var bad = attributes.Keys.FirstOrDefault(key => key.StartsWith("on", StringComparison.OrdinalIgnoreCase) || key.Equals("data-stored", StringComparison.OrdinalIgnoreCase) || key.Equals("style", StringComparison.OrdinalIgnoreCase));
            if (bad is not null || (name == "script" && !attributes.ContainsKey("src")) || (name == "img" && attributes.GetValueOrDefault("src") == "x"))
            {
                yield return $"{address}: <{name} {string.Join(' ', attributes.Select(attribute => $"{attribute.Key}={attribute.Value}"))}>";
            }

            foreach (var link in attributes.Where(attribute => attribute.Key is "href" or "src" or "action" && attribute.Value.TrimStart().StartsWith("javascript:", StringComparison.OrdinalIgnoreCase)))
            {
                yield return $"{address}: {link.Key}={link.Value}";
            }
        }
    }

    private static IEnumerable<string> Formulas(string file, string text) => Cells(text)
        .Where(cell => cell.Length > 0 && cell[0] is '=' or '+' or '-' or '@' or '\t' or '\r' && !double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
        .Select(cell => $"{file}: {cell}");

    /// <summary>Cells of a CSV file (RFC 4180).</summary>
    private static IEnumerable<string> Cells(string text)
    {
        var cell = new System.Text.StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (quoted)
            {
                if (text[i] != '"')
                {
                    cell.Append(text[i]);
                }
                else if (i + 1 < text.Length && text[i + 1] == '"')
                {
                    cell.Append(text[i++]);
                }
                else
                {
                    quoted = false;
                }
            }
            else if (text[i] == '"')
            {
                quoted = true;
            }
            else if (text[i] is ',' or '\n')
            {
                yield return cell.ToString();
                cell.Clear();
            }
            else if (text[i] != '\r')
            {
                cell.Append(text[i]);
            }
        }

        yield return cell.ToString();
    }

    private async Task<IReadOnlyList<string>> ExportsAsync()
    {
        var store = server.Services.GetRequiredService<ExportStore>();
        var folder = Directory.CreateTempSubdirectory("coscientist-");
        try
        {
            var faults = new List<string>();
            foreach (var (name, table) in ((string, ExportTable)[])[
                ("papers", await store.PapersAsync(false, Token)), ("goals", await store.GoalsAsync(false, Token)), ("rubrics", await store.RubricsAsync(false, Token)), ("dataset", await store.DatasetAsync(false, false, Token)),
                ("preferences", await store.PreferencesAsync(null, false, Token)), ("decisions", await store.DecisionsAsync(false, Token)), ("pairs", await store.PairsAsync(null, Token)), ("gradings", await store.GradingsAsync(Token))])
            {
                var path = Path.Combine(folder.FullName, name + ".csv");
                TableFile.Write(path, table.Columns, table.Rows);
                faults.AddRange(Formulas(name, await File.ReadAllTextAsync(path, Token)));
            }

            return faults;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Puts the payload into every text column of every row, and into texts inside JSON.</summary>
    private async Task<IReadOnlyList<string>> PoisonAsync()
    {
        await using var db = await OpenAsync();
        var own = (await db.Users.Select(user => user.Id).ToListAsync(Token)).Where(id => Guid.TryParse(id, out _)).ToHashSet<object>();
        await db.Database.OpenConnectionAsync(Token);
        var columns = new List<string>();
        foreach (var (table, keys, property) in db.Model.GetEntityTypes().Where(entity => entity.GetTableName() is not null)
            .SelectMany(entity => entity.GetProperties().Select(property => (entity.GetTableName()!, entity.FindPrimaryKey()!.Properties.Select(key => key.GetColumnName()).ToList(), property)))
            .Where(column => column.property.ClrType == typeof(string) && !column.property.IsPrimaryKey() && !column.property.IsForeignKey()))
        {
            var column = property.GetColumnName();
            if (s_made.Contains($"{table}.{column}"))
            {
                continue;
            }

            columns.Add($"{table}.{column}");

            // Accounts that the test signs in by keep what they sign in by.
            var rows = (await RowsAsync(db, table, keys, column)).Where(row => table != "AspNetUsers" || !own.Contains(row.Key[0])).ToList();
            foreach (var same in rows.GroupBy(row => Value(property, row.Value, $"{Payload}{table}.{column} ")))
            {
                var all = table != "AspNetUsers" && same.Count() == rows.Count;
                foreach (var key in all ? [[]] : same.Select(row => row.Key))
                {
                    await using var update = db.Database.GetDbConnection().CreateCommand();
                    update.CommandText = $"UPDATE \"{table}\" SET \"{column}\" = @value{(all ? "" : " WHERE ")}{string.Join(" AND ", key.Select((_, index) => $"\"{keys[index]}\" = @key{index}"))}";
                    foreach (var (name, given) in key.Select((part, index) => ($"@key{index}", part)).Append(("@value", same.Key)))
                    {
                        var parameter = update.CreateParameter();
                        (parameter.ParameterName, parameter.Value) = (name, given);
                        update.Parameters.Add(parameter);
                    }

                    Assert.Equal(all ? rows.Count : 1, await update.ExecuteNonQueryAsync(Token));
                }
            }
        }

        return columns;
    }

    private static object Value(IProperty property, string? before, string payload)
    {
        if (before?.TrimStart() is ['{' or '[', ..] && JsonNode.Parse(before) is { } json)
        {
            Replace(json, payload);
            return json.ToJsonString();
        }

        // Each value of its own, where no two may be the same.
        var text = property.GetContainingIndexes().Any(index => index.IsUnique) || property.Name == "Name" ? payload + Guid.NewGuid().ToString("N")[..6] : payload;
        return property.Name switch
        {
            "Endpoint" => "http://127.0.0.1:9/v1?" + text,
            _ when property.Name.EndsWith("Json", StringComparison.Ordinal) => before is null ? DBNull.Value : "{}",
            _ => text,
        };
    }

    /// <summary>Free texts inside a document; words that the program chose stay.</summary>
    private static void Replace(JsonNode node, string payload)
    {
        foreach (var (key, value) in node is JsonObject o ? o.Select(entry => ((object)entry.Key, entry.Value)).ToList() : [.. node.AsArray().Select((entry, index) => ((object)index, entry))])
        {
            if (value is JsonObject or JsonArray)
            {
                Replace(value, payload);
            }
            else if (value is JsonValue text && text.TryGetValue<string>(out var words) && words.Contains(' '))
            {
                if (key is string name)
                {
                    node[name] = payload;
                }
                else
                {
                    node[(int)key] = payload;
                }
            }
        }
    }

    /// <summary>Keys of a table's rows, as the database has them, and what stands in a column.</summary>
    private static async Task<List<(object[] Key, string? Value)>> RowsAsync(CoScientistDb db, string table, List<string> keys, string column)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"SELECT {string.Join(", ", keys.Append(column).Select(name => $"\"{name}\""))} FROM \"{table}\"";
        await using var reader = await command.ExecuteReaderAsync(Token);
        var rows = new List<(object[], string?)>();
        while (await reader.ReadAsync(Token))
        {
            rows.Add(([.. keys.Select((_, index) => reader.GetValue(index))], await reader.IsDBNullAsync(keys.Count, Token) ? null : reader.GetString(keys.Count)));
        }

        return rows;
    }

    /// <summary>Every page, of every run, checkpoint, study, goal and paper that is there.</summary>
    private async Task<IReadOnlyList<string>> AddressesAsync(FullHouse house)
    {
        await using var db = await OpenAsync();
        var (runs, checkpoints) = (await db.Runs.Select(run => run.Name).ToListAsync(Token), await db.Checkpoints.Select(checkpoint => checkpoint.Name).ToListAsync(Token));
        IReadOnlyList<string> Values(string route) => route switch
        {
            "/runs/{Name}" or "/runs/{Name}/files" => runs,
            "/models/{Name}" => checkpoints,
            _ => [house.Parameters.GetValueOrDefault(route, "none")],
        };
        return
        [
            .. typeof(CoScientist.Web.Components.App).Assembly.GetTypes().SelectMany(type => type.GetCustomAttributes<RouteAttribute>()).Select(route => route.Template)
                .SelectMany(route => Parameter().IsMatch(route) ? Values(route).Select(value => Parameter().Replace(route, Uri.EscapeDataString(value))) : [route]),
            "/review?data=real", "/library?data=real", "/library?q=lot", "/library/goals?data=real", "/library/rubrics?data=real", "/admin/audit?q=stored", "/models?kind=all",
            $"/runs/compare?{string.Join('&', runs.Select(run => "run=" + Uri.EscapeDataString(run)))}",
            $"/studies/together?study={house.Study}",
        ];
    }

    private async Task AnswerAsync(StudyId study)
    {
        var store = server.Services.GetRequiredService<StudyStore>();
        await store.JoinAsync(await store.InviteAsync(study, "somebody", null, TimeSpan.FromDays(1), "", Token), "somebody", Token);
        while (await store.NextAsync(study, "somebody", Token) is { } pair)
        {
            await store.AnswerAsync(pair.Assignment, "somebody", PreferenceChoice.A, "because of this", 2000, Token);
        }
    }

    private Task<CoScientistDb> OpenAsync() => server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"<b data-stored>([A-Za-z]+\.[A-Za-z0-9]+) ")]
    private static partial Regex Shown();
}
