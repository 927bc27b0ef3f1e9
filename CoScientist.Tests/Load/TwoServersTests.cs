using System.Diagnostics;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Load;

/// <summary>
/// Two servers on one PostgreSQL database and one data folder, with experts on both and a run at work: the one that works on the run is killed.
/// A little of it in the suite, as soon as a database server is given; by the variables of <see cref="LoadPlan"/> as much as is asked for, then
/// through nginx where it is installed, with the figures printed.
/// </summary>
[Trait("Database", "any")]
public sealed class TwoServersTests(ITestOutputHelper output) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-two-").FullName;
    private readonly LoadPlan _plan = LoadPlan.Read() is { IsAsked: true } asked ? asked : new LoadPlan { Experts = 4, Cuts = 0, Slow = 0 };

    public async ValueTask DisposeAsync()
    {
        await TestData.ReturnAsync(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Kill_OfTheServerThatWorks_IsNotNoticedAtTheOther_LosesNoAnswer_AndTheRunGoesOn()
    {
        if (!TestPostgres.IsOn)
        {
            return; // One server owns an SQLite file.
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60 + (3 * _plan.Seconds) + _plan.Experts));
        var token = patience.Token;
        await using var data = new LoadData(_folder);
        var study = await data.SeedAsync(_plan, token);
        await data.KeepTrainingAsync(token, "steps=24", "evaluateEvery=8", "validationGoals=2", "testGoals=2");

        await using var first = new ServerProcess(_folder);
        await first.StartAsync(token);
        var before = await data.RunAsync(run => run.State == RunState.Running, token);
        await using var second = new ServerProcess(_folder);
        await second.StartAsync(token);
        await using var proxy = _plan.IsAsked ? await NginxProxy.TryStartAsync([await first.Address, await second.Address], Path.Combine(_folder, "nginx"), token) : null;

        var experts = Enumerable.Range(0, _plan.Experts).Select(number => new SimulatedExpert(number, _plan, Door(number), $"/compare/{study}")).ToList();
        try
        {
            await Parallel.ForEachAsync(experts, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = token }, async (expert, each) => await expert.ArriveAsync(each));
            using var stop = new CancellationTokenSource();
            var pace = TimeSpan.FromSeconds(_plan.Pace);
            var work = Task.WhenAll(experts.Select((expert, i) => expert.WorkAsync(pace * i / _plan.Experts, pace, int.MaxValue, stop.Token, token)));
            await Task.Delay(TimeSpan.FromSeconds(_plan.Seconds / 2), token);
            await AnsweredAsync(experts, [.. experts.Select(_ => 2)], work, token);
            await data.RunAsync(run => run.Step >= 3, token);

            var seen = experts.ConvertAll(expert => expert.Answers.Count);
            await first.KillAsync();
            var killed = Stopwatch.GetTimestamp();
            var after = await data.RunAsync(run => run.Id == before.Id && (run.State.IsFinal() || (run.State == RunState.Running && run.Worker != before.Worker)), token);
            var followed = Stopwatch.GetElapsedTime(killed);
            await AnsweredAsync(experts, [.. seen.Select(count => count + 2)], work, token);
            await Task.Delay(TimeSpan.FromSeconds(_plan.Seconds / 2), token);
            await stop.CancelAsync();
            await work;
            var run = (await data.EndedRunsAsync(token)).Single(run => run.Id == before.Id);
            var kept = await data.CheckAsync([.. experts.SelectMany(expert => expert.Answers)], token);
            Print(experts, kept, followed, after, run, proxy is not null);

            Assert.Equal((0, 0), (kept.Lost, kept.Doubled));
            // Of who was at the killed server an answer may be stored that was not seen taken: it is there once, and not asked again.
            Assert.InRange(kept.Unseen, 0, experts.Count(expert => expert.Reloads > 0));
            var (there, here) = (experts.Where(expert => expert.Reloads > 0).ToList(), experts.Where(expert => expert.Reloads == 0).ToList());
            Assert.All(here, expert => Assert.Equal((0, 0), (expert.Reconnects, expert.Faults.Count)));
            Assert.All(there, expert => Assert.Equal(1, expert.Reloads));
            if (proxy is null)
            {
                Assert.Equal(experts.Where((_, number) => IsOfFirst(number)), there);
            }

            // The run went on from what was saved, and did each of its steps; 0 is the evaluation before the first.
            Assert.Equal(RunState.Finished, run.State);
            Assert.Equal(Enumerable.Range(0, 25), Steps(run));
            Assert.Contains(await data.NoticesAsync(token), notice => notice.Kind == RunNoticeKind.Interrupted && notice.Text.Contains("another goes on", StringComparison.Ordinal));
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            Assert.Fail(string.Join(Environment.NewLine, experts.Select(expert => expert.Standing).Concat(await data.StandingAsync()).Concat(second.Said).Prepend("It took too long.")));
        }
        finally
        {
            await Task.WhenAll(experts.Select(expert => expert.LeaveAsync()));
            experts.ForEach(expert => expert.Dispose());
        }

        // Without a proxy: half of them go to the first as long as it lives.
        Func<Task<Uri>> Door(int number) => () => proxy is not null ? Task.FromResult(proxy.Address) : IsOfFirst(number) && first.Address.IsCompletedSuccessfully ? first.Address : second.Address;
    }

    private static bool IsOfFirst(int number) => number % 2 == 0;

    private static async Task AnsweredAsync(List<SimulatedExpert> experts, List<int> counts, Task work, CancellationToken cancellationToken)
    {
        while (!work.IsCompleted && experts.Where((expert, i) => expert.Answers.Count < counts[i]).Any())
        {
            await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private List<int> Steps(Run run)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, "runs", run.Name)));
        history.Refresh();
        return [.. history.Steps.Select(step => step.Step)];
    }

    private void Print(List<SimulatedExpert> experts, Kept kept, TimeSpan followed, Run after, Run run, bool throughNginx)
    {
        foreach (var group in experts.GroupBy(expert => expert.Reloads > 0))
        {
            var waits = group.SelectMany(expert => expert.Answers).Where(answer => answer.Milliseconds is not null).Select(answer => answer.Milliseconds!.Value).Order().ToList();
            output.WriteLine(FormattableString.Invariant($"{(group.Key ? "killed server" : "other server")}: {group.Count()} experts, {group.Sum(expert => expert.Answers.Count)} answers, {group.Sum(expert => expert.Reloads)} pages loaded anew; answers without a fault took {(waits.Count == 0 ? 0 : waits[waits.Count / 2]):0} ms (median), {(waits.Count == 0 ? 0 : waits[^1]):0} ms (longest)"));
        }

        output.WriteLine(FormattableString.Invariant($"{kept.Stored} answers stored, {kept.Lost} lost, {kept.Doubled} doubled, {kept.Unseen} stored but not seen; the run, taken over {followed.TotalSeconds:0.0} s after the kill at step {after.Step}, ended {run.State.ToString().ToLowerInvariant()} at step {run.Step}{(throughNginx ? "; through nginx" : "")}"));
    }
}
