using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Configuration;
using CoScientist.Web.Extraction;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>check</c>: looks for faults in the rubric items of the library, and for goals that repeat each other.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var judge = new Option<string?>("--judge") { Description = "Model server that also judges the rubrics it has not judged yet; its word on leaks goes before that of the wording", HelpName = "NAME" };
        var again = new Option<bool>("--again") { Description = "Check what has been checked before, too" };
        var seed = new Option<long>("--seed") { Description = "Seed of the judge's sampling", DefaultValueFactory = _ => 1 };
        var command = new Command("check", "Check rubric items for leaks and other faults, and find goals that repeat each other") { judge, again, seed };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var checks = services.GetRequiredService<ItemCheckStore>();
            var items = parsed.GetValue(again) ? await checks.CheckAllAsync(cancellationToken) : await checks.CheckMissingAsync(cancellationToken);
            var groups = await services.GetRequiredService<GoalGroupStore>().RefreshAsync(cancellationToken);
            var judged = parsed.GetValue(judge) is { } name
                ? await services.GetRequiredService<ItemJudging>().RunAsync(Judge(services.GetRequiredService<TextModels>(), name), everything: true, parsed.GetValue(seed), cancellationToken)
                : null;
            var faults = await services.GetRequiredService<LeakageStore>().FaultsAsync(sandbox: false, cancellationToken);
            foreach (var failure in judged?.Failures ?? [])
            {
                await Console.Error.WriteLineAsync(failure);
            }

            CommandContext.Answer(parsed, new { Checked = items, groups.Duplicates, groups.Moved, Judged = judged, Faults = faults }, Lines());
            return judged is { Failures.Count: > 0 } ? 1 : 0;

            IEnumerable<string> Lines()
            {
                yield return $"{items:N0} items checked by their wording.";
                yield return $"{groups.Duplicates:N0} goals repeat a goal of another article; {groups.Moved:N0} changed their part of the data to stand with it.";
                if (judged is not null)
                {
                    yield return $"{judged.Items:N0} items of {judged.Goals:N0} goals judged, {judged.Failures.Count:N0} goals failed.";
                }

                foreach (var row in faults)
                {
                    yield return $"{row.Pipeline}: {row.Items:N0} items {Words.For(row.Fault)}.";
                }
            }
        });
        return command;
    }

    private static ITextModel Judge(TextModels models, string name)
    {
        try
        {
            return models.Get(name, ModelRole.Judge, "check");
        }
        catch (ArgumentException fault)
        {
            throw new CommandException(fault.WithoutParameter(), fault);
        }
    }
}
