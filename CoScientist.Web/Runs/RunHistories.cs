using System.Collections.Concurrent;
using CoScientist.Core.Runs;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>What runs' folders say, read once for all pages: a page that opens reads what was added since somebody looked last, not the whole run.</summary>
internal sealed class RunHistories(CoScientistOptions options)
{
    /// <summary>Runs kept in memory, those looked at last: as many as one chart compares, and some to go back to.</summary>
    private const int Kept = 24;

    private readonly Lock gate = new();
    private readonly LinkedList<(string Run, RunHistory History, RunSampleIndex Samples)> recent = [];
    private readonly ConcurrentDictionary<string, (long Length, DateTime Written, RunMetrics? Metrics)> newest = new(StringComparer.Ordinal);

    /// <summary>The metrics of a run, as they are on disk now.</summary>
    /// <param name="run">Its name.</param>
    public RunHistory Of(string run)
    {
        var history = Find(run).History;
        history.Refresh();
        return history;
    }

    /// <summary>Where a run's samples lie; <see cref="RunSampleIndex.Refresh"/> brings it up to date.</summary>
    /// <param name="run">Its name.</param>
    public RunSampleIndex SamplesOf(string run) => Find(run).Samples;

    /// <summary>The newest value of each metric of a run, without reading the others; null before the first.</summary>
    /// <param name="run">Its name.</param>
    public RunMetrics? Newest(string run)
    {
        var folder = new RunFolder(options.RunDirectory(run));
        var file = new FileInfo(folder.File(RunFolder.MetricsFile));
        if (!file.Exists)
        {
            return null;
        }

        if (newest.TryGetValue(run, out var known) && (known.Length, known.Written) == (file.Length, file.LastWriteTimeUtc))
        {
            return known.Metrics;
        }

        var metrics = RunHistory.ReadNewest(folder);
        newest[run] = (file.Length, file.LastWriteTimeUtc, metrics);
        return metrics;
    }

    private (string Run, RunHistory History, RunSampleIndex Samples) Find(string run)
    {
        lock (gate)
        {
            var node = recent.First;
            while (node is not null && node.Value.Run != run)
            {
                node = node.Next;
            }

            if (node is null)
            {
                var folder = new RunFolder(options.RunDirectory(run));
                node = new LinkedListNode<(string, RunHistory, RunSampleIndex)>((run, new RunHistory(folder), new RunSampleIndex(folder)));
            }
            else
            {
                recent.Remove(node);
            }

            recent.AddFirst(node);
            if (recent.Count > Kept)
            {
                recent.RemoveLast();
            }

            return node.Value;
        }
    }
}
