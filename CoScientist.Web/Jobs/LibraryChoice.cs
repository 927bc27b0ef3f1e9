using CoScientist.Core.Storage;

namespace CoScientist.Web.Jobs;

/// <summary>Says why a choice of goals is empty, and what to do about it.</summary>
internal sealed class LibraryChoice(PlanStore plans, RunDataStore data)
{
    /// <summary>The kind of goals in words.</summary>
    public static string Kind(GoalFilter filter) => filter.Sandbox ? "sandbox goals" : "real goals";

    /// <summary>The choice in words.</summary>
    public static string Words(GoalFilter filter) =>
        (filter.Split is { } split ? $"--goals {split.ToString().ToLowerInvariant()}" : "--goals all") + (filter.Domain is { } domain ? $" --domain {domain}" : "");

    /// <summary>The error for an empty choice.</summary>
    /// <param name="things">What was looked for: goals or plans.</param>
    /// <param name="model">Who was to work on them.</param>
    /// <param name="filter">The choice.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<InvalidDataException> NothingAsync(string things, string model, GoalFilter filter, CancellationToken cancellationToken)
    {
        if ((await plans.FindGoalsAsync(filter, cancellationToken)).Count > 0)
        {
            return new InvalidDataException($"There are no {things} for {Kind(filter)} that match {Words(filter)}: write some with 'plan', or choose others.");
        }

        var others = (await plans.FindGoalsAsync(filter with { Sandbox = !filter.Sandbox }, cancellationToken)).Count;
        if (others > 0)
        {
            return new InvalidDataException(filter.Sandbox
                ? $"{model} knows only the sandbox's world, and the {others} goals that match {Words(filter)} are real: name a model of your own ('model import') or a model server of CoScientist:ModelServers, or choose goals of the sandbox."
                : $"{model} works on real goals, but the {others} goals that match {Words(filter)} are the sandbox's: import papers or a dataset first, or name a sandbox checkpoint such as {Runs.ModelCatalog.SandboxBase}.");
        }

        var domains = await data.DomainsAsync(filter.Sandbox, cancellationToken);
        return new InvalidDataException($"There are no {Kind(filter)} that match {Words(filter)}: choose others{(domains.Count == 0 ? ", or import papers" : $" (domains: {string.Join(", ", domains)})")}.");
    }
}
