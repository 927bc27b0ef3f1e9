namespace CoScientist.Web.Commands;

/// <summary>Shows the part of a work that is done: a bar on a terminal, a line for every tenth otherwise.</summary>
/// <param name="output">Where to: standard error.</param>
/// <param name="bar">Whether it is a terminal.</param>
/// <param name="what">Name of the work, for the lines; null for no lines.</param>
internal sealed class PercentBar(TextWriter output, bool bar, string? what = null) : IProgress<double>, IDisposable
{
    private int last = -1;

    /// <inheritdoc/>
    public void Report(double value)
    {
        var percent = (int)(100 * value);
        if (percent == last)
        {
            return;
        }

        if (bar)
        {
            output.Write($"\r[{new string('#', percent / 4)}{new string('.', 25 - (percent / 4))}] {percent} %");
        }
        else if (what is not null && percent / 10 != Math.Max(0, last) / 10)
        {
            output.WriteLine($"{what}: {percent} %");
        }

        last = percent;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (last >= 0 && bar)
        {
            output.WriteLine();
        }

        last = -1;
    }
}
