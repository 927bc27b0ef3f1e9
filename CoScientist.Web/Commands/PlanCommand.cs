using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Jobs;

namespace CoScientist.Web.Commands;

/// <summary>Plans for goals of the library, by a checkpoint or a model server.</summary>
internal static class PlanCommand
{
    private const double HottestTemperature = 2;

    public static Command Create()
    {
        var model = new Option<string?>("--model") { Description = "Writer: a checkpoint (of the sandbox: sandbox goals; others: real goals) or a model server (real goals). Default: who plays the policy on Admin, Model servers" };
        var goals = GoalChoice.Goals("test");
        var domain = GoalChoice.Domain();
        var count = new Option<int?>("--count") { Description = "At most so many goals, the domains in turn (default: all)" };
        var temperature = new Option<double>("--temperature") { Description = "Sampling temperature; 0 is greedy", DefaultValueFactory = _ => 1 };
        var seed = new Option<long>("--seed") { Description = "Seed of the sampling", DefaultValueFactory = _ => 1 };
        var tokens = new Option<int?>("--max-tokens") { Description = "Most tokens of an answer for a real goal (default: 2048 of a checkpoint, 8192 of a server)", HelpName = "N" };
        var dtype = Dtype.Create();
        var command = new Command("plan", "Write plans for goals") { model, goals, domain, count, temperature, seed, tokens, dtype, CommandContext.Fresh };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(count) is < 1)
            {
                throw new CommandException($"--count {parsed.GetValue(count)}: ask for at least one goal.");
            }

            if (parsed.GetValue(tokens) is < 1)
            {
                throw new CommandException($"--max-tokens {parsed.GetValue(tokens)}: allow at least one.");
            }

            if (parsed.GetValue(temperature) is not (>= 0 and <= HottestTemperature))
            {
                throw new CommandException($"--temperature {parsed.GetValue(temperature)}: choose 0 (greedy) to {HottestTemperature}.");
            }

            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var roles = services.GetRequiredService<ModelRoles>();
            using var writer = await roles.WriterAsync(parsed.GetValue(model) ?? roles.PlayerOf(ModelRole.Policy, "--model"), Dtype.Of(parsed.GetValue(dtype)!), parsed.GetValue(tokens), cancellationToken);
            var filter = new GoalFilter(writer.Sandbox, GoalChoice.Split(parsed.GetValue(goals)!), parsed.GetValue(domain));
            var request = new PlanRequest(filter, parsed.GetValue(count), parsed.GetValue(temperature), parsed.GetValue(seed));
            var result = await services.GetRequiredService<PlanJob>().RunAsync(writer, request, GoalChoice.Progress("plans"), cancellationToken);
            CommandContext.Answer(
                parsed,
                new { Model = writer.Name, writer.Sandbox, writer.PromptVersion, result.Goals, result.Written, result.AlreadyThere, result.Faulty, result.Failures },
                [$"{result.Written} plans written by {writer.Name} for {result.Goals} goals, {result.AlreadyThere} already there, {result.Faulty} out of form, {result.Failures.Count} failed."]);
            return GoalChoice.Report(parsed, result.Failures);
        });
        return command;
    }
}
