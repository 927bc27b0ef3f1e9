namespace CoScientist.Web.Runs;

/// <summary>
/// Held by the process that works on a run: an exclusively opened file in the run's folder. The system lets go of it when
/// the process ends, however it ends, so a running run whose lock is free has lost its process.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const string FileName = "run.lock";

    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

    /// <summary>Takes the lock; null when another has it.</summary>
    /// <param name="runDirectory">The run's folder; created when missing.</param>
    public static RunLock? TryTake(string runDirectory)
    {
        Directory.CreateDirectory(runDirectory);
        try
        {
            return new RunLock(new FileStream(Path.Combine(runDirectory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException fault) when (fault is not (DirectoryNotFoundException or PathTooLongException))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
