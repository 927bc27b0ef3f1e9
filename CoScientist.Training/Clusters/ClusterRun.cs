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

    /// <summary>Times Ray is asked before a job that it has never had fails the run.</summary>
    private const int SubmitTries = 5;

    private readonly RunFolder folder = new(request.Directory);
    private readonly ClusterJournal journal = new(request, cluster, onEvent);
    private ClusterState state = new();
    private string log = "";
    private bool away;

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
        try
        {
            journal.Open(state);
            var lost = 0;
            while (true)
            {
                var known = state.Job is { } id && !state.Over ? await FindAsync(id, cancellationToken) : null;
                if (known is null)
                {
                    var forgotten = state is { Sent: true, Over: false };
                    if (forgotten && IsDone(cancellationToken))
                    {
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
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ray.SubmitAsync(state.Job!, $"sh {ClusterExport.Quoted($"{job.Folder}/{ClusterExport.ScriptFile}")}", environment, metadata, cancellationToken);
                break;
            }
            catch (RayAwayException) when (attempt < SubmitTries)
            {
                await WaitAsync(cancellationToken);
            }
            catch (RayRefusedException) when (attempt > 1)
            {
                // The answer to an earlier try may have been lost, and the job is there.
                if (await FindAsync(state.Job!, cancellationToken) is null)
                {
                    throw;
                }

                break;
            }
        }

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
                return new RunOutcome(RunState.Finished, null);
            }

            if (await FindAsync(state.Job!, cancellationToken) is not { } now)
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

            await WaitAsync(cancellationToken);
        }
    }

    /// <summary>Whether a job that Ray has forgotten had done all its steps before.</summary>
    private bool IsDone(CancellationToken cancellationToken)
    {
        Look(last: true, cancellationToken);
        if (journal.LastStep < request.Spec.Steps)
        {
            return false;
        }

        Close();
        return true;
    }

    private RunOutcome Finished()
    {
        if (journal.LastStep < request.Spec.Steps)
        {
            throw new InvalidDataException($"The job ended well, and its metrics end at step {journal.LastStep} of {request.Spec.Steps}: see that the nodes write to the shared folder {cluster.Folder}, then resume.");
        }

        journal.Log("Done. 'evaluate' measures its checkpoints on the test goals.");
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
        try
        {
            var whole = await ray.LogsAsync(state.Job!, cancellationToken);
            journal.TakeLog(whole.StartsWith(log, StringComparison.Ordinal) ? whole[log.Length..] : whole);
            log = whole;
        }
        catch (RayAwayException)
        {
            // The next look reads it.
        }
    }

    /// <summary>Looks at a job for as long as it takes Ray to answer.</summary>
    private async Task<RayJob?> FindAsync(string id, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var found = await ray.FindAsync(id, cancellationToken);
                if (away)
                {
                    journal.Log("Ray answers again.");
                    away = false;
                }

                return found;
            }
            catch (RayAwayException fault)
            {
                if (!away)
                {
                    journal.Log($"{fault.Message}; waiting for it.");
                    away = true;
                }

                await WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Stops the job and waits until it is over, for a while: what stands on the disk is kept either way.</summary>
    private async Task EndAsync()
    {
        if (state.Job is not { } id || state.Over)
        {
            return;
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Max(30, 6 * cluster.PollSeconds)), time);
        try
        {
            await ray.StopAsync(id, patience.Token);
            while (await ray.FindAsync(id, patience.Token) is { IsOver: false })
            {
                await WaitAsync(patience.Token);
            }

            Look(last: true, patience.Token);
            await ReadLogAsync(patience.Token);
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

    private Task WaitAsync(CancellationToken cancellationToken) => Task.Delay(TimeSpan.FromSeconds(cluster.PollSeconds), time, cancellationToken);
}
