using System.CommandLine;
using CoScientist.Core.Goals;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Training.Sandbox;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Commands;

/// <summary><c>sandbox experts</c>: a blind study of the sandbox, answered by simulated experts and closed, to train on preferences without waiting for people.</summary>
internal static class SandboxExperts
{
    public static Command Create()
    {
        var arm1 = new Option<string>("--arm1") { Description = "Writer of plans in the library, or \"reference\"", HelpName = "NAME", Required = true };
        var arm2 = new Option<string>("--arm2") { Description = "The other writer", HelpName = "NAME", Required = true };
        var goals = new Option<int>("--goals") { Description = "Most goals", DefaultValueFactory = _ => 200 };
        var experts = new Option<int>("--experts") { Description = "Simulated experts; each answers every pair", DefaultValueFactory = _ => 1 };
        var careless = new Option<double>("--careless") { Description = "Share of an expert's answers that are the wrong way round", DefaultValueFactory = _ => 0 };
        var seed = new Option<long>("--seed") { Description = "Seed of the study and its experts", DefaultValueFactory = _ => 1 };
        var name = new Option<string>("--name") { Description = "Name of the study", DefaultValueFactory = _ => "Simulated experts" };
        var command = new Command("experts", "Answer a new blind study of the sandbox by the oracle, in the place of experts") { arm1, arm2, goals, experts, careless, seed, name };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (count, share) = (parsed.GetValue(experts), parsed.GetValue(careless));
            if (count < 1 || share is not (>= 0 and <= 1))
            {
                throw new CommandException($"--experts {count} --careless {share}: ask for at least one expert, and a share from 0 to 1.");
            }

            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var (studies, factory) = (services.GetRequiredService<StudyStore>(), services.GetRequiredService<IDbContextFactory<CoScientistDb>>());
            var meanings = await MeaningsAsync(factory, cancellationToken);
            var draft = new StudyDraft
            {
                Name = parsed.GetValue(name)!,
                Arm1 = parsed.GetValue(arm1)!,
                Arm2 = parsed.GetValue(arm2)!,
                IsSandbox = true,
                Goals = parsed.GetValue(goals),
                Seed = parsed.GetValue(seed),
                Guidelines = "Answered by simulated experts: the oracle's preference, no person's.",
            };
            var study = await studies.CreateAsync(draft, cancellationToken);
            var choices = new Dictionary<PreferenceChoice, int>();
            for (var number = 1; number <= count; number++)
            {
                var expert = new SimulatedExpert(SandboxWorld.Default, share, parsed.GetValue(seed) + number);
                while (await studies.NextAsync(study, SimulatedExpert.IdOf(number), cancellationToken) is { } pair)
                {
                    var choice = expert.Compare(meanings[pair.Goal], pair.PlanA, pair.PlanB);
                    choices[choice] = choices.GetValueOrDefault(choice) + 1;
                    await studies.AnswerAsync(pair.Assignment, SimulatedExpert.IdOf(number), choice, "simulated", activeMilliseconds: 0, cancellationToken);
                }
            }

            await studies.SetStateAsync(study, StudyState.Closed, cancellationToken);
            var answers = choices.Values.Sum();
            CommandContext.Answer(
                parsed,
                new { Study = draft.Name, Answers = answers, Ties = choices.GetValueOrDefault(PreferenceChoice.Tie), Simulated = true },
                [$"Study \"{draft.Name}\": {answers} answers of {count} simulated experts, {choices.GetValueOrDefault(PreferenceChoice.Tie)} of them ties. It is closed: train with --preset sandbox-dpo."]);
            return 0;
        });
        return command;
    }

    /// <summary>What the sandbox's goals mean, by their text, which is all that an expert sees of them.</summary>
    private static async Task<Dictionary<string, SandboxGoal>> MeaningsAsync(IDbContextFactory<CoScientistDb> factory, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var goals = await db.Goals.Where(goal => goal.IsSandbox).Select(goal => new { goal.Id, goal.Text, goal.ExternalKey }).ToListAsync(cancellationToken);
        return goals.DistinctBy(goal => goal.Text, StringComparer.Ordinal).ToDictionary(goal => goal.Text, goal => SandboxGoal.OfKey(goal.ExternalKey, goal.Id.ToString()), StringComparer.Ordinal);
    }
}
