using CoScientist.Training.Reproduction;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary>What a reproduction shows on standard error: one line that changes on a terminal, a line per experiment otherwise.</summary>
internal sealed class ReproduceProgress(TextWriter output, bool bar) : IDisposable
{
    private string shown = "";
    private int done = -1;

    /// <summary>Takes in how far it is.</summary>
    public void Show(ReproductionProgress progress)
    {
        var left = progress.Left is { } time ? $", about {RunWords.Duration(time)} left" : "";
        var line = FormattableString.Invariant($"{progress.Done}/{progress.All} done, {progress.Now}{left}");
        if (bar)
        {
            output.Write('\r' + line.PadRight(shown.Length));
            shown = line;
        }
        else if (progress.Done != done)
        {
            output.WriteLine(line);
            done = progress.Done;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (shown.Length > 0)
        {
            output.WriteLine();
        }
    }
}
