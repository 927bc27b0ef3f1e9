using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <summary>What people said of a checkpoint in a closed study.</summary>
/// <param name="Step">Step of the checkpoint.</param>
/// <param name="WinRate">Its win rate over the other arm, ties half, with the 95% interval over goals.</param>
/// <param name="Goals">Goals that were decided.</param>
/// <param name="Against">The other arm.</param>
/// <param name="Study">The study.</param>
/// <param name="Name">Its name.</param>
internal sealed record HumanScore(int Step, Estimate WinRate, int Goals, string Against, StudyId Study, string Name)
{
    /// <summary>What closed studies say of a run's checkpoints; the newest of each checkpoint counts. Open studies stay sealed.</summary>
    public static async Task<IReadOnlyList<HumanScore>> OfAsync(Run run, StudyStore studies, CancellationToken cancellationToken)
    {
        var found = new List<HumanScore>();
        foreach (var study in (await studies.ListAsync(cancellationToken)).Where(study => study.State == StudyState.Closed))
        {
            var first = StepOf(study.Arm1);
            if ((first ?? StepOf(study.Arm2)) is not { } step || found.Any(score => score.Step == step))
            {
                continue;
            }

            var results = await studies.ResultsAsync(study.Id, cancellationToken);
            if (results.WinRate is { } rate)
            {
                var own = first is not null ? rate : new Estimate(1 - rate.Value, 1 - rate.High, 1 - rate.Low);
                found.Add(new HumanScore(step, own, results.PerGoal.Count(goal => goal.Points is not null), first is not null ? study.Arm2 : study.Arm1, study.Id, study.Name));
            }
        }

        return found;

        int? StepOf(string arm) => arm.StartsWith(run.Name + "@", StringComparison.Ordinal) && int.TryParse(arm.AsSpan(run.Name.Length + 1), out var step) && arm == RunCheckpointStore.NameOf(run.Name, step) ? step : null;
    }
}
