using CoScientist.Core.Runs;
using CoScientist.Training.Trainers;

namespace CoScientist.Training.Clusters;

/// <summary>
/// A run that verl trains on a Ray cluster: sends the job, follows it, takes over its metrics, plans and checkpoints, and stops it
/// when asked. The job goes on when this program ends, and is found again by its id; a job that Ray has forgotten, because its head
/// was restarted, is sent again and goes on from what verl saved last.
/// </summary>
/// <param name="request">The run.</param>
/// <param name="job">The same, ready for the cluster.</param>
/// <param name="cluster">The machines.</param>
/// <param name="ray">Ray's Jobs API.</param>
/// <param name="time">The clock.</param>
/// <param name="onEvent">Called for every event, after it has been written to the run's folder.</param>
public sealed class ClusterRun(TrainingRunRequest request, ClusterJob job, ClusterOptions cluster, RayJobs ray, TimeProvider time, Action<RunEvent> onEvent)
{
    /// <summary>Times a job is sent again without a step in between before the run fails.</summary>
    private const int MostLostJobs = 3;

    private readonly RunFolder folder = new(request.Directory);
    private readonly ClusterJournal journal = new(request, cluster, onEvent);
    private PatientRay jobs = null!;
    private ClusterState state = new();
    private string log = "";

    /// <summary>Folder of a run's export as this machine names it.</summary>
    public static string Export(ClusterOptions cluster, string run)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        return Path.Combine(Path.GetFullPath(cluster.Folder), "runs", run);
    }

    /// <summary>Runs or goes on following.</summary>
    /// <param name="pauseRequested">Asked between looks; true stops the job, or, when the process goes away, leaves it to itself.</param>
    /// <param name="cancellationToken">Ends the execution: the job is stopped unless the process goes away.</param>
    /// <exception cref="InvalidDataException">The job failed, or Ray or verl will not do it; the message says what to do.</exception>
    public async Task<RunOutcome> ExecuteAsync(Func<bool> pauseRequested, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder.Path);
        state = ClusterState.Read(folder);
        jobs = new PatientRay(ray, cluster, time, journal.Log);
        try
        {
            journal.Open(state);
            if (state is { Sent: true, Over: true } && IsDone)
            {
                // It comes back for what was missing then: checkpoints that somebody has copied here, or its closing evaluation.
                Look(last: true, cancellationToken);
                return Finished();
            }

            var lost = 0;
            while (true)
            {
                var known = state.Job is { } id && !state.Over ? await jobs.FindAsync(id, cancellationToken) : null;
                if (known is null)
                {
                    var forgotten = state is { Sent: true, Over: false };
                    if (forgotten && Look(last: true, cancellationToken) is var _ && IsDone)
                    {
                        Close();
                        return Finished();
                    }

                    lost = forgotten ? lost + 1 : 0;
                    await SubmitAsync(lost, cancellationToken);
                }

                var before = journal.LastStep;
                if (await FollowAsync(pauseRequested, cancellationToken) is { } outcome)
                {
                    return outcome;
                }

                lost = journal.LastStep > before ? 0 : lost;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            if (!request.Leaving())
            {
                await EndAsync();
            }

            return new RunOutcome(RunState.Cancelled, null);
        }
        catch (RayRefusedException fault)
        {
            throw new InvalidDataException($"{fault.Message}. Then resume: what was trained is kept.", fault);
        }
        catch (RayAwayException fault)
        {
            throw new InvalidDataException($"{fault.Message}: start the cluster, or correct CoScientist:Cluster:Address, then resume.", fault);
        }
    }

    /// <summary>Sends a job: a new one, or the one whose answer was lost with the process.</summary>
    private async Task SubmitAsync(int lost, CancellationToken cancellationToken)
    {
        if (lost > MostLostJobs)
        {
            throw new InvalidDataException($"Ray lost the job {lost} times without a step in between: look after the cluster's head, then resume.");
        }

        var export = Export(cluster, request.Name);
        if (Directory.Exists(export))
        {
            ClusterExport.RefreshVerl(export, job, cluster);
        }
        else
        {
            ClusterExport.WriteVerl(export, job, cluster);
        }

        var saved = ClusterCheckpoints.LastSaved(Path.Combine(export, "checkpoints"));
        if (state.Attempt > 0)
        {
            journal.Restart(saved);
        }

        if (lost > 0)
        {
            journal.Log("Ray no longer knows the job, as after a restart of its head: it is sent again.");
        }

        state = state with { Attempt = state.Attempt + 1, Job = FormattableString.Invariant($"coscientist-{request.Name}-{state.Attempt + 1}"), Sent = false, Over = false, Notes = journal.Notes };
        state.Write(folder);
        log = "";
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["VERL_FILE_LOGGER_PATH"] = $"{job.Folder}/{ClusterJournal.MetricsFile(state.Attempt)}" };
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = request.Name, ["application"] = "CoScientist" };
        await jobs.SubmitAsync(state.Job!, $"sh {ClusterExport.Quoted($"{job.Folder}/{ClusterExport.ScriptFile}")}", environment, metadata, cancellationToken);
        state = state with { Sent = true };
        state.Write(folder);
        journal.Log($"Sent to Ray at {cluster.Address} as {state.Job}{(saved is { } step ? FormattableString.Invariant($"; it goes on from step {step}") : "")}.");
    }

    /// <summary>Follows the job until it is over; null when Ray has forgotten it.</summary>
    private async Task<RunOutcome?> FollowAsync(Func<bool> pauseRequested, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (pauseRequested())
            {
                if (!request.Leaving())
                {
                    await EndAsync();
                }

                return new RunOutcome(RunState.Paused, null);
            }

            if (journal.MustStop)
            {
                journal.Log("Stopped, as watch.stop asks.");
                await EndAsync();
                return Finished();
            }

            if (await jobs.FindAsync(state.Job!, cancellationToken) is not { } now)
            {
                return null;
            }

            // What it wrote before it was over is there now; what it writes from here on is not read before the next look.
            if (Look(now.IsOver, cancellationToken) || now.IsOver)
            {
                await ReadLogAsync(cancellationToken);
            }

            if (now.IsOver)
            {
                Close();
                return now.Status switch
                {
                    RayJobStatus.Succeeded => Finished(),
                    RayJobStatus.Stopped => throw new InvalidDataException("The job was stopped on the cluster: resume to go on from what verl saved last."),
                    _ => throw new InvalidDataException($"The job failed on the cluster ({Words(now.Message)}): its last words are in the run's log and all of them in {ClusterJournal.LogFile}. Mend what they name and resume: verl goes on from what it saved last."),
                };
            }

            await jobs.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Whether all that was asked for has been done.</summary>
    private bool IsDone => journal.LastStep >= request.Spec.Steps || journal.MustStop;

    private RunOutcome Finished()
    {
        if (!IsDone)
        {
            throw new InvalidDataException($"The job ended well, and its metrics end at step {journal.LastStep} of {request.Spec.Steps}: see that the nodes write to the shared folder {cluster.Folder}, then resume.");
        }

        if (journal.Missing() is { Count: > 0 } missing)
        {
            var example = ClusterCheckpoints.Source(Path.Combine(Export(cluster, request.Name), "checkpoints"), missing[^1], request.Spec.Lora.Rank > 0);
            journal.Log($"The weights of step {string.Join(", ", missing)} have not come: copy what verl saved to its place in the shared folder ({example}){(request.Spec.Lora.Rank > 0 ? $", or make it there with '{cluster.Python} coscientist_finish.py checkpoints'" : "")}, then ask for the evaluation.");
        }

        return new RunOutcome(RunState.Finished, null);
    }

    private bool Look(bool last, CancellationToken cancellationToken)
    {
        var news = journal.Look(state.Attempt, last, cancellationToken);
        if (news)
        {
            state = state with { Notes = journal.Notes };
            state.Write(folder);
        }

        return news;
    }

    private async Task ReadLogAsync(CancellationToken cancellationToken)
    {
        if (await jobs.LogAsync(state.Job!, cancellationToken) is { } whole)
        {
            journal.TakeLog(whole.StartsWith(log, StringComparison.Ordinal) ? whole[log.Length..] : whole);
            log = whole;
        }
    }

    /// <summary>Stops the job and waits until it is over, for a while: what stands on the disk is kept either way.</summary>
    private async Task EndAsync()
    {
        if (state.Job is not { } id || state.Over)
        {
            return;
        }

        try
        {
            await jobs.StopAsync(id);
            Look(last: true, CancellationToken.None);
            await ReadLogAsync(CancellationToken.None);
            Close();
            journal.Log("The job was stopped on the cluster.");
        }
        catch (Exception fault) when (fault is RayAwayException or RayRefusedException or OperationCanceledException)
        {
            journal.Log($"The job could not be stopped ({Words(fault.Message)}): stop {id} on the cluster.");
        }
    }

    private void Close()
    {
        state = state with { Over = true };
        state.Write(folder);
    }

    private static string Words(string? message) => string.IsNullOrWhiteSpace(message) ? "without a word" : message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
}
