using System.Diagnostics;
using System.Globalization;

namespace CoScientist.Tests.Load;

/// <summary>Waits for conditions. Each has the same long patience, which only a fault uses up; then the message says what was waited for, and how everything stood.</summary>
/// <param name="patience">How long one wait may take.</param>
/// <param name="standing">How everything stands, a line each; called for the message only.</param>
/// <param name="cancellationToken">Ends the test.</param>
internal sealed class BoundedWait(TimeSpan patience, Func<Task<IEnumerable<string>>> standing, CancellationToken cancellationToken)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends the test.</summary>
    public CancellationToken Token => cancellationToken;

    /// <summary>Waits until it is so.</summary>
    /// <param name="what">What is waited for: "the run to end".</param>
    /// <param name="condition">Whether it is so.</param>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        var from = Stopwatch.GetTimestamp();
        while (!await WithinAsync(what, condition(), from))
        {
            if (Stopwatch.GetElapsedTime(from) > patience)
            {
                throw await TooLongAsync(what);
            }

            await Task.Delay(s_pause, cancellationToken);
        }
    }

    /// <inheritdoc cref="UntilAsync(string, Func{Task{bool}})"/>
    public Task UntilAsync(string what, Func<bool> condition) => UntilAsync(what, () => Task.FromResult(condition()));

    /// <summary>Waits for something that knows no end of its own.</summary>
    /// <param name="what">What is waited for.</param>
    /// <param name="task">The work.</param>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public async Task ForAsync(string what, Task task) => await WithinAsync(what, DoneAsync(task), Stopwatch.GetTimestamp());

    private static async Task<bool> DoneAsync(Task task)
    {
        await task;
        return true;
    }

    private async Task<T> WithinAsync<T>(string what, Task<T> task, long from)
    {
        try
        {
            return await task.WaitAsync(patience + patience - Stopwatch.GetElapsedTime(from), cancellationToken);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw await TooLongAsync(what);
        }
    }

    private async Task<TimeoutException> TooLongAsync(string what) =>
        new(string.Join(Environment.NewLine, (await standing()).Prepend(string.Create(CultureInfo.InvariantCulture, $"Waited {patience.TotalSeconds:0} s for {what}."))));
}
