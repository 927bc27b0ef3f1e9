using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>report cost</c>: what calls of model servers took, from the ledger.</summary>
internal static class CostCommand
{
    private const int MostFailures = 1000;

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var days = new Option<int>("--days") { Description = "So many days back, today included (UTC)", DefaultValueFactory = _ => 30 };
        var command = new Command("cost", "Calls of model servers per day, server and role: tokens, seconds, cost, failures") { days };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(days) < 1)
            {
                throw new CommandException($"--days {parsed.GetValue(days)}: ask for at least one.");
            }

            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Reads, cancellationToken);
            var store = services.GetRequiredService<ModelCallStore>();
            var today = services.GetRequiredService<TimeProvider>().GetUtcNow().UtcDateTime.Date;
            var totals = await store.TotalsAsync(new DateTimeOffset(today.AddDays(1 - parsed.GetValue(days)), TimeSpan.Zero), cancellationToken);
            var failures = await store.FailuresAsync(MostFailures, cancellationToken);
            CommandContext.Answer(
                parsed,
                new
                {
                    Totals = totals.Select(total => new { total.Day, total.Server, total.Model, total.Role, total.Answered, total.Cached, total.Failed, total.PromptTokens, total.CompletionTokens, total.Seconds, Cost = total.CostMicros / 1e6 }),
                    Cost = totals.Sum(total => total.CostMicros) / 1e6,
                    Failures = failures.Select(failure => new { failure.At, failure.Name, failure.Role, failure.Purpose, failure.Outcome, failure.Error }),
                },
                Lines(totals, failures));
        });
        return command;
    }

    private static IEnumerable<string> Lines(IReadOnlyList<CallTotal> totals, IReadOnlyList<ModelFailure> failures)
    {
        yield return "| Day (UTC) | Server | Model | Role | Answered | Known | Failed tries | Tokens read | Tokens written | Seconds | Cost |";
        yield return "|---|---|---|---|---|---|---|---|---|---|---|";
        foreach (var total in totals)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"| {total.Day:yyyy-MM-dd} | {total.Server} | {total.Model} | {total.Role} | {total.Answered} | {total.Cached} | {total.Failed} | {total.PromptTokens} | {total.CompletionTokens} | {total.Seconds:0.0} | {ServerWords.Money(total.CostMicros)} |");
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"| all | | | | {totals.Sum(total => total.Answered)} | {totals.Sum(total => total.Cached)} | {totals.Sum(total => total.Failed)} | {totals.Sum(total => total.PromptTokens)} | {totals.Sum(total => total.CompletionTokens)} | {totals.Sum(total => total.Seconds):0.0} | {ServerWords.Money(totals.Sum(total => total.CostMicros))} |");
        if (failures.Count > 0)
        {
            yield return "";
            yield return $"{failures.Count} requests came to nothing; retry them on Admin, Calls and cost, or begin the work again:";
        }

        foreach (var failure in failures)
        {
            yield return $"- {failure.Role} {failure.Name}, {failure.Purpose}: {failure.Error}";
        }
    }
}
