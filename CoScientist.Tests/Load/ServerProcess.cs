using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Load;

/// <summary>The built server as a process of its own, so that it can be killed, started again and weighed.</summary>
/// <param name="dataDirectory">Its data.</param>
/// <param name="port">Where it listens in each of its lives; 0 for anywhere.</param>
internal sealed partial class ServerProcess(string dataDirectory, int port = 0) : IAsyncDisposable
{
    private const string Mark = "CoScientist is at ";
    private const int Termination = 15;

    private readonly List<string> _said = [];
    private Process? _process;
    private Task _reading = Task.CompletedTask;
    private TimeSpan _earlier;
    private TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Where it is, as soon as it is there.</summary>
    public Task<Uri> Address => Volatile.Read(ref _address).Task;

    /// <summary>How runs name it as their worker, while it lives.</summary>
    public string Worker => string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{_process!.Id}");

    /// <summary>Whether it has ended by itself.</summary>
    public bool HasEnded => _process!.HasExited;

    /// <summary>Processor time of all its lives.</summary>
    public TimeSpan Processor
    {
        get
        {
            _process!.Refresh();
            return _earlier + _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory that it holds (resident set).</summary>
    public long Memory
    {
        get
        {
            _process!.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What it wrote besides its address: warnings and errors.</summary>
    public IReadOnlyList<string> Said
    {
        get
        {
            lock (_said)
            {
                return [.. _said];
            }
        }
    }

    /// <summary>Starts it and waits until it listens.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _process = Run("serve", "--urls", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                _reading = ReadAsync(_process.StandardOutput);
                _address.SetResult(new Uri(line[Mark.Length..].Trim()));
                return;
            }
        }

        throw new InvalidOperationException("The server ended before it said where it is.");
    }

    /// <summary>Kills it with SIGKILL: it gets no chance to write anything.</summary>
    public Task KillAsync() => EndAsync(process => process.Kill(), CancellationToken.None);

    /// <summary>Asks it to end, as service managers do (SIGTERM), and waits until it has: its exit code.</summary>
    public Task<int> TerminateAsync(CancellationToken cancellationToken) => EndAsync(process => Assert.Equal(0, Signal(process.Id, Termination)), cancellationToken);

    /// <summary>Runs <c>doctor</c> over the data: its exit code.</summary>
    public async Task<int> DoctorAsync(CancellationToken cancellationToken)
    {
        using var doctor = Run("doctor");
        _ = await doctor.StandardOutput.ReadToEndAsync(cancellationToken);
        await doctor.WaitForExitAsync(cancellationToken);
        return doctor.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }
    }

    private async Task<int> EndAsync(Action<Process> end, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _address, new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously));
        _earlier = Processor;
        end(_process!);
        await _process!.WaitForExitAsync(cancellationToken);
        await _reading;
        var code = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return code;
    }

    private Process Run(string verb, params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(CoScientistOptions).Assembly.Location, verb, .. TestData.Arguments(dataDirectory), .. arguments])
    {
        RedirectStandardOutput = true,
        UseShellExecute = false,

        // A proxy before it is believed.
        Environment = { ["CoScientist__Proxies__0"] = "127.0.0.1" },
    })!;

    private async Task ReadAsync(StreamReader output)
    {
        while (await output.ReadLineAsync(CancellationToken.None) is { } line)
        {
            lock (_said)
            {
                _said.Add(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {line}"));
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
